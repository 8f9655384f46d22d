"""A cross-validation of two folds, trained in the process of the tests."""

import pytest

from facegender.cross_validation import train_folds as module
from facegender.cross_validation.train_fold import train_fold
from facegender.files.layout import Layout
from facegender.params.sections import Params
from facegender.params.stage_params import TrainFoldsStageParams
from tests.small_training import params_with

FOLDS = 2


def tiny(**changes: dict[str, object]) -> Params:
    return params_with(cross_validate={"folds": FOLDS}, evaluate={"bootstrap": 50}, **changes)


def fold_params(params: Params) -> TrainFoldsStageParams:
    """Select the parameters that `train_folds` receives."""
    return TrainFoldsStageParams.of(params)


def in_process(monkeypatch: pytest.MonkeyPatch, layout: Layout, params: Params) -> list[int]:
    """Train the folds in this process, without an import of TensorFlow for each; return the requested folds."""
    requested: list[int] = []

    def run_processes(missing: list[int], processes: int, command: list[str]) -> None:
        for fold in missing:
            requested.append(fold)
            train_fold(layout, params, fold)

    monkeypatch.setattr(module, "run_processes", run_processes)
    return requested
