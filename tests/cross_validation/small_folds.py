"""A cross-validation of two folds, trained in the tests' own process."""

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
    """What `train_folds` receives of all parameters."""
    return TrainFoldsStageParams.of(params)


def in_process(monkeypatch: pytest.MonkeyPatch, layout: Layout, params: Params) -> list[int]:
    """Train the folds here, which spares an import of TensorFlow each; gives the folds that were asked for."""
    asked: list[int] = []

    def run_processes(missing: list[int], processes: int, command: list[str]) -> None:
        for fold in missing:
            asked.append(fold)
            train_fold(layout, params, fold)

    monkeypatch.setattr(module, "run_processes", run_processes)
    return asked
