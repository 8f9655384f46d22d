"""The search: what may be searched, what is proposed, pruned and kept; and a trial is the training it stands for."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from optuna.trial import TrialState

from facegender import provenance
from facegender.errors import UserError
from facegender.intervals import wilson
from facegender.layout import Layout
from facegender.params import Params
from facegender.params_reading import read_params
from facegender.presets import read_preset
from facegender.row_file import RowFile
from facegender.search import Finished, Pruned, Report, Search, kept_epoch
from facegender.search_params import Range
from facegender.search_report import as_rich, caution, to_adopt, trials_of, write_best
from facegender.search_space import FEATURES_DEPEND_ON, check_space, inside, significant
from facegender.store import Manifest, view_file, write_rows

from .conftest import TINY, Workspace

SPACE: dict[str, Any] = {"train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "train.batch_size": [8, 16]}


def with_search(**values: Any) -> Params:
    return Params.model_validate({"search": {"space": SPACE, "startup": 2, "warmup": 1, **values}})


@pytest.fixture
def ready(tmp_path: Path) -> Layout:
    """Splits and features of 10 rows, as far as a study looks at them: rows 0 to 3 validate."""
    layout = Layout(tmp_path / "data", tmp_path / "artifacts")
    layout.features.mkdir(parents=True)
    names = [f"{number}.png" for number in range(10)]
    Manifest({}, {}, "cut", 0, [2], 1, {}, 0, "float32").write(layout.features)
    write_rows(layout.features, pd.DataFrame({"image": names, "sha256": names, "augmented": False}))
    RowFile.create(view_file(layout.features, 0), 10, [2]).close()
    folds = [0] * 4 + [-1] * 6
    splits = pd.DataFrame({"image": names, "label": ["0", "1"] * 5, "group": range(10), "fold": folds})
    splits.to_parquet(layout.splits)
    return layout


def history(*accuracies: float) -> list[dict[str, Any]]:
    """Epochs of fine-tuning whose loss falls as the accuracy rises."""
    return [
        {"phase": "fine_tune", "epoch": epoch, "val_accuracy": accuracy, "val_loss": 1 - accuracy}
        for epoch, accuracy in enumerate(accuracies, 1)
    ]


class Trials:
    """Stands for trainings: each reaches what `reach` says, told epoch by epoch; remembers what it was asked for."""

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


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "must name a parameter to search"),
        ({"features.views": [1, 2]}, "must name parameters of train. Received: features.views."),
        ({"train.rate": [1, 2]}, "must name parameters of train. Received: train.rate."),
        ({"train.fine_tune_layers": [0, 30]}, "must leave the cached features as they are. .*--set train.fine_tune_la"),
        ({"train.class_weights": [True, False]}, "must not name train.class_weights"),
        ({"train.dropout": [0.5, 1.5]}, "train.dropout: Input should be less than 1. Received: 1.5."),
        ({"train.epochs": [1.5, 4]}, "train.epochs: Input should be a valid integer"),
        ({"train.epochs": {"low": 1, "high": 4}}, "train.epochs takes whole numbers: .* type: int. Received: 1 to 4."),
        ({"train.unfreeze": [0, 10]}, "unfreeze must be below epochs: .* Received: train.unfreeze 10."),
        ({"train.epochs": [4, 8], "train.unfreeze": [0, 4]}, "Received: train.epochs 4, train.unfreeze 4."),
    ],
)
def test_what_cannot_be_searched_is_refused(space: dict[str, Any], message: str) -> None:
    params = Params.model_validate({"train": {"epochs": 10}, "search": {"space": space}})
    with pytest.raises(UserError, match=message):
        check_space(params)


def test_a_space_is_held_against_todays_parameters_not_the_defaults() -> None:
    space = {"train.epochs": [10, 12], "train.unfreeze": {"low": 0, "high": 9}}  # the defaults have 8 epochs
    today = {"epochs": 10, "unfreeze": 9}
    assert check_space(Params.model_validate({"train": today, "search": {"space": space}}))
    weighted = {"train": {"class_weights": True}, "search": {"space": {"train.dropout": [0.4, 0.5]}}}
    with pytest.raises(UserError, match=r"train.class_weights: must be false for a search. Received: True."):
        check_space(Params.model_validate(weighted))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("{low: 2, high: 1}", "low must be below high"),
        ("{low: 0, high: 1, log: true}", "low must be over 0 where log is true"),
        ("{low: 1, high: 2.5, type: int}", "low and high must be whole numbers where type is int"),
        ("{low: 1}", "train.epochs.high: Field required"),
        ("{low: 1, high: 2, step: 1}", "train.epochs.step: Extra inputs are not permitted"),
        ("[1]", "train.epochs: must be {low: …, high: …}, or a list of two or more plain values"),
        ("[[1], [2]]", "a list of two or more plain values"),
        ("5", "a list of two or more plain values"),
    ],
)
def test_what_is_no_range_is_refused(tmp_path: Path, values: str, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(f"search: {{space: {{train.epochs: {values}}}}}")
    with pytest.raises(UserError, match=message):
        read_params(path)


def test_numbers_that_are_text_to_yaml_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(
        "search: {space: {train.learning_rate: [1e-3, 2.5E-4, 0.01], train.weight_decay: {low: 1e-3, high: 1e-1},"
        " train.sampling: [shuffle, balanced]}}"
    )
    params = read_params(path)
    space = check_space(params)
    assert space["train.learning_rate"] == (0.001, 0.00025, 0.01)
    assert space["train.weight_decay"] == Range(low=0.001, high=0.1)
    assert space["train.sampling"] == ("shuffle", "balanced")
    today = inside(space, params)
    assert today == {"train.learning_rate": 0.001, "train.weight_decay": 0.01, "train.sampling": "shuffle"}


def test_the_default_space_can_be_searched_and_holds_todays_parameters(checkout: Path) -> None:
    assert check_space(read_params(checkout / "params.yaml"))


def test_features_depend_on_what_dvc_yaml_says(checkout: Path) -> None:
    stages = yaml.safe_load((checkout / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    named = {name for name in stages["features"]["params"] if name.startswith("train.")}
    assert named == {f"train.{name}" for name in FEATURES_DEPEND_ON}


def test_numbers_are_rounded_to_what_can_be_read() -> None:
    assert [significant(value) for value in (0.0012345, 0.98765, 123.456, 0.0)] == [0.00123, 0.988, 123.0, 0.0]


def test_every_trial_lies_in_the_space(ready: Layout) -> None:
    trials = Trials(lambda number: [0.5])
    with Search(ready, with_search()) as study:
        study.run(5, trials)
    assert all(1e-4 <= asked["train.learning_rate"] <= 1e-2 for asked in trials.asked)
    assert {asked["train.batch_size"] for asked in trials.asked} <= {8, 16}


def test_todays_parameters_come_first_where_the_space_holds_them(ready: Layout) -> None:
    space = {"train.learning_rate": SPACE["train.learning_rate"], "train.batch_size": [16, 32]}
    trials = Trials(lambda number: [0.5])
    with Search(ready, with_search(space=space)) as study:
        study.run(2, trials)
    assert trials.asked[0] == {"train.learning_rate": 0.001, "train.batch_size": 32}
    assert trials.asked[1] != trials.asked[0]


@pytest.mark.parametrize("in_line", [False, True])  # a kill may come between putting a trial in line and its beginning
def test_todays_parameters_still_come_first_where_their_trial_was_killed(ready: Layout, in_line: bool) -> None:
    today = {"train.learning_rate": 0.001, "train.batch_size": 32}
    params = with_search(space={"train.learning_rate": SPACE["train.learning_rate"], "train.batch_size": [16, 32]})
    killed, again = Trials(lambda number: [0.5], die_at=1), Trials(lambda number: [0.5])
    with pytest.raises(KeyboardInterrupt), Search(ready, params) as study:
        study.run(2, killed)
    with Search(ready, params) as study:
        if in_line:
            study.study.enqueue_trial(today)
        study.run(2, again)
        assert study.study.get_trials(states=(TrialState.WAITING,)) == []
    assert killed.asked == again.asked[:1] == [today]
    assert again.asked[1] != today


def test_a_search_that_ended_early_goes_on_as_an_undisturbed_one(ready: Layout, tmp_path: Path) -> None:
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
        journal.write('{"op_code": 5, "work')  # as a kill -9 may leave it
    with Search(ready, with_search(pruner="none")) as study:
        study.run(6, again)
        assert len(study.ended) == 6
    assert killed.asked[:3] + again.asked == whole.asked
    with Search(ready, with_search(pruner="none")) as study:
        study.run(6, again)
    assert len(again.asked) == 3  # all are there: nothing is trained


def test_other_data_or_another_space_is_another_study(ready: Layout) -> None:
    first = Search(ready, with_search())
    assert Search(ready, with_search(trials=7, seed=1)).folder == first.folder
    assert Search(ready, with_search(space={"train.batch_size": [8, 16]})).folder != first.folder
    # of the parameters only those outside of the space tell studies apart
    for changes, same in (({"learning_rate": 0.5}, True), ({"dropout": 0.1}, False)):
        changed = with_search().model_dump(by_alias=True) | {"train": changes}
        assert (Search(ready, Params.model_validate(changed)).folder == first.folder) is same
    splits = pd.read_parquet(ready.splits)
    splits["fold"] = [-1] * 6 + [0] * 4
    splits.to_parquet(ready.splits)
    assert Search(ready, with_search()).folder != first.folder


def test_trials_of_other_code_count_and_are_told(
    ready: Layout, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    params = with_search(pruner="none", space={"train.batch_size": [8, 16, 32]})
    with Search(ready, params) as study:
        study.run(1, Trials(lambda number: [0.25]))
        assert "other code" not in caplog.text + caution(trials_of(study), params)
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "code_of", lambda module: f"another {module}")
        again = Trials(lambda number: [0.5])
        with Search(ready, params) as study:
            assert [trial.number for trial in study.ended] == study.of_other_code == [0]
            study.run(8, again)
            found = trials_of(study)
    assert len(again.asked) == 2  # of three values; what the first was tried with is not tried again
    first = next(trial for trial in found if trial.number == 0)
    # a trial that repeats another's parameters is of that one's code
    assert [trial.number for trial in found if trial.other_code] == [
        trial.number for trial in found if trial.changes == first.changes
    ]
    assert "trial 0 is of other code than today's" in caplog.text
    assert f"for a new study remove {study.folder}" in caplog.text
    assert re.search(r"The code has changed since: trials? 0\b.* of other code", caution(found, params))


@pytest.mark.parametrize("pruner", ["median", "none", "hyperband"])
def test_the_hopeless_are_pruned_behind_their_warmup(ready: Layout, pruner: str) -> None:
    trials = Trials(lambda number: [0.9, 0.9, 0.9] if number < 3 else [0.1, 0.1, 0.1])
    with Search(ready, with_search(pruner=pruner)) as study:
        study.run(6, trials)
        found = trials_of(study)
    pruned = [trial for trial in found if trial.state == "pruned"]
    if pruner == "median":  # two trials at random, and from the first epoch on below the median of 0.9
        assert {trial.number for trial in pruned} == {3, 4, 5}
        assert {trial.epochs for trial in pruned} == {1}
    if pruner == "none":
        assert pruned == []
    assert [trial.number for trial in found][:3] == [0, 1, 2]


def test_parameters_are_not_trained_with_twice(ready: Layout) -> None:
    trials = Trials(lambda number: [0.5])
    with Search(ready, with_search(space={"train.batch_size": [8, 16]})) as study:
        study.run(8, trials)
        assert len(trials_of(study)) == 8
    assert len(trials.asked) == 2


def test_one_search_at_a_time(ready: Layout) -> None:
    with Search(ready, with_search()), pytest.raises(UserError, match="one search at a time"):
        Search(ready, with_search()).__enter__()


def test_the_split_must_be_there(ready: Layout) -> None:
    ready.splits.unlink()
    with pytest.raises(UserError, match="the split must be made first"):
        Search(ready, with_search())


def test_the_kept_epoch_is_the_last_phases_lowest_loss() -> None:
    rows = [{"phase": "head", "epoch": 1, "val_loss": 0.1}, *history(0.5, 0.75, 0.5)]
    assert kept_epoch(rows)["epoch"] == 2
    assert kept_epoch(rows[:1])["phase"] == "head"


def test_the_table_says_what_the_best_is_worth_and_how_to_adopt_it(ready: Layout) -> None:
    from rich.console import Console

    # of 4 rows 3, 4, 2 and 3 right; the best is all 4, whose interval begins at 0.51: two others lie in it
    reached = [0.75, 1.0, 0.5, 0.75]
    params = with_search(pruner="none")
    with Search(ready, params) as study:
        study.run(4, Trials(lambda number: [0.25, reached[number]]))
        found = trials_of(study)
    assert [trial.number for trial in found] == [1, 0, 3, 2]
    assert wilson(4, 4).low == pytest.approx(0.51, abs=0.01)
    said = caution(found, params)
    assert "chosen among 4 on the rows that it is measured on. 2 of the other 3 finished trials lie in its" in said
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


@pytest.mark.slow
def test_a_trial_is_the_training_of_its_parameters(workspace: Workspace) -> None:
    from facegender.features import features
    from facegender.search_trial import trainer
    from facegender.train import train

    layout = workspace.layout
    features(layout, workspace.params)
    changes = {"train.learning_rate": 0.002, "train.dropout": 0.25}
    changed = workspace.params.train.model_copy(update={"learning_rate": 0.002, "dropout": 0.25})
    train(layout, workspace.params.model_copy(update={"train": changed}))
    expected = pd.read_csv(layout.model / "history.csv")

    run = trainer(layout, workspace.params, layout.resume / "search/here")
    first = run(0, {"train.learning_rate": 0.01, "train.dropout": 0.5}, lambda row: False)
    with pytest.raises(Pruned):
        run(1, {"train.learning_rate": 0.02, "train.dropout": 0.5}, lambda row: row["phase"] == "fine_tune")
    assert list((layout.resume / "search/here/training").iterdir()) == []
    (layout.resume / "search/here/pooled_of_other_code.npy").touch()
    found = trainer(layout, workspace.params, layout.resume / "search/here")(2, changes, lambda row: False)
    assert len(list((layout.resume / "search/here").glob("pooled*.npy"))) == 1
    assert len(found.history) == 3
    for column in ("loss", "val_loss", "val_accuracy"):
        assert np.array_equal([row[column] for row in found.history], expected[column])
    assert first.history[-1]["val_loss"] != found.history[-1]["val_loss"]


@pytest.mark.slow
def test_a_killed_search_goes_on(workspace: Workspace, tmp_path: Path) -> None:
    from facegender.features import features

    features(workspace.layout, workspace.params)
    params = tmp_path / "params.yaml"
    search = {"trials": 4, "startup": 2, "pruner": "none", "space": SPACE}
    params.write_text(yaml.safe_dump({**TINY, "search": search}))
    layout = workspace.layout
    options = ["--params", str(params), "--data", str(layout.data), "--artifacts", str(layout.artifacts)]
    command = [sys.executable, "-m", "facegender", "search", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "search: 2 of 4 trials" in line:
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "search: 2 of 4 trials" in again.stderr
    assert "search: 3 of 4 trials" in again.stderr
    assert "search: 1 of 4 trials" not in again.stderr
    assert again.stdout.count("finished") == 4 + 1  # and once below the table
    assert set(read_preset(str(layout.search), params)) == set(SPACE)
