"""A search for better training parameters: an Optuna study that proposes, records and prunes trials.

Two commands run trials. `facegender search` trains them in its own process and keeps only the figures. The flow
`python -m flows.search` runs each as a DVC experiment, with model and report. Both continue the same study, which is
identified by its data, features, space, and the parameters outside the space.

Trials are compared by the validation accuracy of the epoch that training keeps, because validation losses with
different label smoothing cannot be compared. All trials share the validation rows, so the best accuracy is optimistic.

A study survives a change of the code, because its result is parameters, with which the current code trains again. Each
trial records its code, and the report says which trials were trained by other code.
"""

import fcntl
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import optuna
import pandas as pd
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState
from pydantic import JsonValue

from facegender.errors import UserError
from facegender.features.store import FeatureStore, join_splits
from facegender.files.layout import Layout
from facegender.files.resumable import work_folder
from facegender.files.splits import validates
from facegender.params.search import Range, SearchParams
from facegender.params.sections import Params
from facegender.search.space import Space, apply_changes, check_space, find_current_values, list_extremes, suggest
from facegender.stages import require_outputs
from facegender.training.provenance import list_dependencies

logger = logging.getLogger(__name__)

ENDED: Final = (TrialState.COMPLETE, TrialState.PRUNED)

EpochRow = Mapping[str, Any]  # an epoch's figures, as in history.csv
Report = Callable[[EpochRow], bool]  # receives an epoch when it ends; returns True if the trial should be pruned


class Pruned(Exception):  # noqa: N818 - not an error
    """Ends a trial early, because earlier ones were better at the same epoch."""


@dataclass(frozen=True)
class Finished:
    """A finished trial: the history of its training, and its DVC experiment's name if it is one."""

    history: Sequence[EpochRow]
    experiment: str | None = None


RunTrial = Callable[[int, dict[str, JsonValue], Report], Finished]


class Search:
    """The study of one checkout, locked inside the `with` block.

    Attributes
    ----------
    rows
        Number of validation rows.
    folder
        Files that the trials of this study share.
    code
        Fingerprint of the current training code.
    """

    def __init__(self, layout: Layout, params: Params) -> None:
        self.space = check_space(params)
        self.params = params
        require_outputs(layout, "validate", "split", "features")
        with FeatureStore(layout.features) as store:
            table = join_splits(store, layout.features, pd.read_parquet(layout.splits))
            outside = list_dependencies(apply_changes(params, self._fixed_values()).train, store.manifest, table)
        self.code: str = outside.pop("code")
        self.rows = int(validates(table["fold"]).sum())
        space = {name: str(values) for name, values in self.space.items()}
        self.folder = work_folder(layout.resume / "search", {**outside, "space": space})

    def _fixed_values(self) -> dict[str, JsonValue]:
        """Return a value for each searched parameter, independent of its current value."""
        return {name: list_extremes(values)[0] for name, values in self.space.items()}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            remedy = "Wait for it to end, or end it: its finished trials are kept."
            raise UserError(str(self.folder), "only one search at a time", "another running search", remedy) from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        journal = self.folder / "journal.log"
        remove_partial_line(journal)
        backend = JournalFileBackend(str(journal), lock_obj=NoLock(str(journal)))
        self.study = optuna.create_study(
            storage=JournalStorage(backend),
            study_name="search",
            direction="maximize",
            load_if_exists=True,
            pruner=make_pruner(self.params.search, find_max_epochs(self.space, self.params)),
        )
        for trial in self.study.get_trials(states=(TrialState.RUNNING,)):  # left by a killed search
            self.study.tell(trial.number, state=TrialState.FAIL)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    @property
    def ended(self) -> list[optuna.trial.FrozenTrial]:
        """Trials that count: finished or pruned."""
        return self.study.get_trials(states=ENDED)

    @property
    def from_other_code(self) -> list[int]:
        """Numbers of the trials that count and were trained by other code than the current code."""
        return [trial.number for trial in self.ended if trial.user_attrs.get("code") != self.code]

    def run(self, trials: int, run_trial: RunTrial) -> None:
        """Run trials until the study has `trials` of them.

        Proposals depend only on search.seed and the trials that have ended, so a killed search proposes the same as an
        undisturbed one when it is started again. Hyperband is an exception: it also uses a trial's number, and a killed
        trial keeps its number. Parameters that were tried before are not trained again. The first trial has the current
        parameters, if they lie in the space, as a baseline for the others.
        """
        if others := self.from_other_code:
            logger.warning(
                "search: the code has changed since: %s; to start a new study, remove %s",
                describe_other_code(others),
                self.folder,
            )
        while len(ended := self.ended) < trials:
            if ended:
                logger.info("search: %d of %d trials, best accuracy %s", len(ended), trials, self._format_best())
            elif (values := find_current_values(self.space, self.params)) is not None and not self._has_waiting_trial():
                self.study.enqueue_trial(values)
            self.study.sampler = optuna.samplers.TPESampler(
                n_startup_trials=self.params.search.startup, seed=self.params.search.seed + len(ended)
            )
            self._run_one(self.study.ask(), run_trial)

    def _has_waiting_trial(self) -> bool:
        """Whether a killed search has enqueued the first trial without starting it."""
        return bool(self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    def _format_best(self) -> str:
        values = [trial.value for trial in self.ended if trial.state is TrialState.COMPLETE and trial.value is not None]
        return f"{max(values):.3f}" if values else "none yet"

    def _run_one(self, trial: optuna.Trial, run_trial: RunTrial) -> None:
        changes = suggest(trial, self.space)
        trial.set_user_attr("changes", changes)
        if (before := self._find_tried(changes)) is not None:
            for name, value in before.user_attrs.items():
                trial.set_user_attr(name, value)
            self.study.tell(trial, before.value if before.state is TrialState.COMPLETE else None, before.state)
            return
        trial.set_user_attr("code", self.code)
        values = ", ".join(f"{name} {value}" for name, value in changes.items())
        logger.info("search: trial %d: %s", trial.number, values)

        reported: set[int] = set()  # a resumed training reports its earlier epochs again

        def report(row: EpochRow) -> bool:
            if row["phase"] == "head" or row["epoch"] in reported:
                return False
            reported.add(row["epoch"])
            trial.set_user_attr("epochs", int(row["epoch"]))
            trial.report(float(row["val_accuracy"]), int(row["epoch"]))
            return trial.should_prune()

        try:
            finished = run_trial(trial.number, changes, report)
        except Pruned:
            self.study.tell(trial, state=TrialState.PRUNED)
        except BaseException:
            self.study.tell(trial, state=TrialState.FAIL)
            raise
        else:
            kept = find_kept_epoch(finished.history)
            trial.set_user_attr("epochs", int(finished.history[-1]["epoch"]))
            trial.set_user_attr("kept", int(kept["epoch"]))
            trial.set_user_attr("experiment", finished.experiment)
            self.study.tell(trial, float(kept["val_accuracy"]))

    def _find_tried(self, changes: dict[str, JsonValue]) -> optuna.trial.FrozenTrial | None:
        return next((trial for trial in self.ended if trial.user_attrs["changes"] == changes), None)


def describe_other_code(others: Sequence[int]) -> str:
    """Say which trials were trained by other code than the current code."""
    trials = f"trial {others[0]} was" if len(others) == 1 else f"trials {', '.join(map(str, others))} were"
    return f"{trials} trained by other code, and may not be comparable with the rest"


class NoLock(JournalFileOpenLock):
    """No lock on the journal. Optuna's would last half a minute after a kill; the search has one that ends with it."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def remove_partial_line(journal: Path) -> None:
    """Remove a last line that a kill has left incomplete, after which Optuna could not append."""
    if journal.exists():
        written = journal.read_bytes()
        os.truncate(journal, written.rfind(b"\n") + 1)


def find_kept_epoch(history: Sequence[EpochRow]) -> EpochRow:
    """Return the last phase's epoch with the lowest validation loss, whose weights training keeps."""
    last = history[-1]["phase"]
    return min((row for row in history if row["phase"] == last), key=lambda row: float(row["val_loss"]))


def find_max_epochs(space: Space, params: Params) -> int:
    """Return the largest number of fine-tuning epochs in any trial."""
    values = space.get("train.epochs", (params.train.epochs,))
    return int(values.high) if isinstance(values, Range) else max(int(str(value)) for value in values)


def make_pruner(search: SearchParams, max_epochs: int) -> optuna.pruners.BasePruner:
    """Make the pruner, which ends trials early."""
    if search.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=search.startup, n_warmup_steps=search.warmup)
    if search.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=max(1, search.warmup), max_resource=max(1, max_epochs))
    return optuna.pruners.NopPruner()
