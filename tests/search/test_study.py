"""The search: which trials are proposed, pruned and kept."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from optuna.trial import TrialState

from facegender.errors import UserError
from facegender.features.store import Manifest, view_file, write_rows
from facegender.files.float16_rows import Float16Rows
from facegender.files.layout import Layout
from facegender.params.presets import read_preset
from facegender.params.sections import Params
from facegender.search.report import as_rich, caution, to_adopt, trials_of, write_best
from facegender.search.study import Finished, Pruned, Report, Search, find_kept_epoch
from facegender.statistics.intervals import wilson
from facegender.training import provenance

SPACE: dict[str, Any] = {"train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "train.batch_size": [8, 16]}


def with_search(**values: Any) -> Params:
    return Params.model_validate({"search": {"space": SPACE, "startup": 2, "warmup": 1, **values}})


@pytest.fixture
def ready(tmp_path: Path) -> Layout:
    """Prepare the files of earlier stages that a study reads, with 10 rows; rows 0 to 3 validate."""
    layout = Layout(tmp_path / "data", tmp_path / "artifacts")
    layout.features.mkdir(parents=True)
    layout.index.touch()
    layout.validation.touch()
    names = [f"{number}.png" for number in range(10)]
    Manifest({}, {}, "cut", 0, [2], 1, {}, 0, "float32").write(layout.features)
    write_rows(layout.features, pd.DataFrame({"image": names, "sha256": names, "augmented": False}))
    Float16Rows.create(view_file(layout.features, 0), 10, [2]).close()
    folds = [0] * 4 + [-1] * 6
    splits = pd.DataFrame({"image": names, "label": ["0", "1"] * 5, "group": range(10), "fold": folds})
    splits.to_parquet(layout.splits)
    return layout


def history(*accuracies: float) -> list[dict[str, Any]]:
    """Make epochs of fine-tuning whose loss falls as the accuracy rises."""
    return [
        {"phase": "fine_tune", "epoch": epoch, "val_accuracy": accuracy, "val_loss": 1 - accuracy}
        for epoch, accuracy in enumerate(accuracies, 1)
    ]


class Trials:
    """Simulates trainings: each reports the accuracies that `reach` returns; `asked` records the requested values."""

    def __init__(self, reach: Callable[[int], list[float]], die_at: int | None = None) -> None:
        self.reach, self.die_at = reach, die_at
        self.asked: list[dict[str, Any]] = []

    def __call__(self, number: int, changes: dict[str, Any], report: Report) -> Finished:
        self.asked.append(changes)
        if len(self.asked) == self.die_at:
            raise KeyboardInterrupt
        rows = history(*self.reach(number))
        for row in rows:
            if report(row):
                raise Pruned
        return Finished(rows)


def test_every_trial_lies_in_the_space(ready: Layout) -> None:
    trials = Trials(lambda number: [0.5])
    with Search(ready, with_search()) as study:
        study.run(5, trials)
    assert all(1e-4 <= asked["train.learning_rate"] <= 1e-2 for asked in trials.asked)
    assert {asked["train.batch_size"] for asked in trials.asked} <= {8, 16}


def test_the_current_parameters_come_first_if_the_space_contains_them(ready: Layout) -> None:
    space = {"train.learning_rate": SPACE["train.learning_rate"], "train.batch_size": [16, 32]}
    trials = Trials(lambda number: [0.5])
    with Search(ready, with_search(space=space)) as study:
        study.run(2, trials)
    assert trials.asked[0] == {"train.learning_rate": 0.001, "train.batch_size": 32}
    assert trials.asked[1] != trials.asked[0]


@pytest.mark.parametrize("enqueued", [False, True])  # a kill may come between enqueuing a trial and starting it
def test_the_current_parameters_still_come_first_if_their_trial_was_killed(ready: Layout, enqueued: bool) -> None:
    today = {"train.learning_rate": 0.001, "train.batch_size": 32}
    params = with_search(space={"train.learning_rate": SPACE["train.learning_rate"], "train.batch_size": [16, 32]})
    killed, again = Trials(lambda number: [0.5], die_at=1), Trials(lambda number: [0.5])
    with pytest.raises(KeyboardInterrupt), Search(ready, params) as study:
        study.run(2, killed)
    with Search(ready, params) as study:
        if enqueued:
            study.study.enqueue_trial(today)
        study.run(2, again)
        assert study.study.get_trials(states=(TrialState.WAITING,)) == []
    assert killed.asked == again.asked[:1] == [today]
    assert again.asked[1] != today


def test_a_killed_search_continues_like_an_undisturbed_one(ready: Layout, tmp_path: Path) -> None:
    def reach(number: int) -> list[float]:
        return [0.5, 0.75]

    whole = Trials(reach)
    with Search(ready, with_search(pruner="none")) as study:
        study.run(6, whole)
    (study.folder / "journal.log").unlink()

    killed, again = Trials(reach, die_at=4), Trials(reach)
    with pytest.raises(KeyboardInterrupt), Search(ready, with_search(pruner="none")) as study:
        study.run(6, killed)
    with Search(ready, with_search(pruner="none")) as study:
        assert len(study.ended) == 3
        study.study.ask()
    with (study.folder / "journal.log").open("a") as journal:
        journal.write('{"op_code": 5, "work')  # as SIGKILL may leave it
    with Search(ready, with_search(pruner="none")) as study:
        study.run(6, again)
        assert len(study.ended) == 6
    assert killed.asked[:3] + again.asked == whole.asked
    with Search(ready, with_search(pruner="none")) as study:
        study.run(6, again)
    assert len(again.asked) == 3  # all trials exist, so nothing is trained


def test_other_data_or_another_space_is_another_study(ready: Layout) -> None:
    first = Search(ready, with_search())
    assert Search(ready, with_search(trials=7, seed=1)).folder == first.folder
    assert Search(ready, with_search(space={"train.batch_size": [8, 16]})).folder != first.folder
    # only parameters outside the space distinguish studies
    for changes, same in (({"learning_rate": 0.5}, True), ({"dropout": 0.1}, False)):
        changed = with_search().model_dump(by_alias=True) | {"train": changes}
        assert (Search(ready, Params.model_validate(changed)).folder == first.folder) is same
    splits = pd.read_parquet(ready.splits)
    splits["fold"] = [-1] * 6 + [0] * 4
    splits.to_parquet(ready.splits)
    assert Search(ready, with_search()).folder != first.folder


def test_trials_from_other_code_count_and_are_reported(
    ready: Layout, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    params = with_search(pruner="none", space={"train.batch_size": [8, 16, 32]})
    with Search(ready, params) as study:
        study.run(1, Trials(lambda number: [0.25]))
        assert "other code" not in caplog.text + caution(trials_of(study), params)
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "fingerprint_with_imports", lambda module: f"another {module}")
        again = Trials(lambda number: [0.5])
        with Search(ready, params) as study:
            assert [trial.number for trial in study.ended] == study.from_other_code == [0]
            study.run(8, again)
            found = trials_of(study)
    assert len(again.asked) == 2  # of three values, the first trial's value is not tried again
    first = next(trial for trial in found if trial.number == 0)
    # a trial that repeats another one's parameters has that one's code
    assert [trial.number for trial in found if trial.other_code] == [
        trial.number for trial in found if trial.changes == first.changes
    ]
    assert "trial 0 was trained by other code" in caplog.text
    assert f"to start a new study, remove {study.folder}" in caplog.text
    assert re.search(r"The code has changed since: trials? 0\b.* trained by other code", caution(found, params))


@pytest.mark.parametrize("pruner", ["median", "none", "hyperband"])
def test_bad_trials_are_pruned_after_their_warmup(ready: Layout, pruner: str) -> None:
    trials = Trials(lambda number: [0.9, 0.9, 0.9] if number < 3 else [0.1, 0.1, 0.1])
    with Search(ready, with_search(pruner=pruner)) as study:
        study.run(6, trials)
        found = trials_of(study)
    pruned = [trial for trial in found if trial.state == "pruned"]
    if pruner == "median":  # after two random trials, any epoch below the median of 0.9
        assert {trial.number for trial in pruned} == {3, 4, 5}
        assert {trial.epochs for trial in pruned} == {1}
    if pruner == "none":
        assert pruned == []
    assert [trial.number for trial in found][:3] == [0, 1, 2]


def test_the_same_parameters_are_not_trained_twice(ready: Layout) -> None:
    trials = Trials(lambda number: [0.5])
    with Search(ready, with_search(space={"train.batch_size": [8, 16]})) as study:
        study.run(8, trials)
        assert len(trials_of(study)) == 8
    assert len(trials.asked) == 2


def test_one_search_at_a_time(ready: Layout) -> None:
    with Search(ready, with_search()), pytest.raises(UserError, match="only one search at a time"):
        Search(ready, with_search()).__enter__()


def test_the_split_must_exist(ready: Layout) -> None:
    ready.splits.unlink()
    with pytest.raises(UserError, match="the stage split writes it"):
        Search(ready, with_search())


def test_the_kept_epoch_has_the_last_phases_lowest_loss() -> None:
    rows = [{"phase": "head", "epoch": 1, "val_loss": 0.1}, *history(0.5, 0.75, 0.5)]
    assert find_kept_epoch(rows)["epoch"] == 2
    assert find_kept_epoch(rows[:1])["phase"] == "head"


def test_the_table_warns_of_optimism_and_says_how_to_adopt_the_best(ready: Layout) -> None:
    from rich.console import Console

    # 3, 4, 2 and 3 of 4 rows are correct; the interval of the best begins at 0.51, so two others lie within it
    reached = [0.75, 1.0, 0.5, 0.75]
    params = with_search(pruner="none")
    with Search(ready, params) as study:
        study.run(4, Trials(lambda number: [0.25, reached[number]]))
        found = trials_of(study)
    assert [trial.number for trial in found] == [1, 0, 3, 2]
    assert wilson(4, 4).low == pytest.approx(0.51, abs=0.01)
    said = caution(found, params)
    assert "chosen among 4 trials on the rows that measure it. 2 of the other 3 finished trials lie within" in said
    assert "Set split.holdout" in said
    assert "perceived by annotators" in said
    held = params.model_copy(update={"split": params.split.model_copy(update={"holdout": 0.1})})
    assert "evaluate reports on the holdout" in caution(found, held)
    console = Console(width=160, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(as_rich(found, said))
    console.file.close()
    table = console.export_text()
    assert "│ 1.000 (0.510 to 1.000) │" in table
    assert "n = 4" in table
    assert write_best(found, ready) == found[0].changes
    assert read_preset(str(ready.search), Path("params.yaml")) == found[0].changes
    lines = to_adopt(found, ready)
    assert f"facegender preset {ready.search}" in lines
    assert f"      batch_size: {found[0].changes['train.batch_size']}" in lines
