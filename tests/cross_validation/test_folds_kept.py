"""Which finished folds are kept, and which are trained again."""

import logging

import pytest

from facegender.cross_validation import train_folds as module
from facegender.cross_validation.cross_validate import cross_validate
from facegender.cross_validation.fold_features import fold_features
from facegender.cross_validation.joined_store import JoinedStore
from facegender.cross_validation.plan import plan_folds
from facegender.cross_validation.train_fold import train_fold
from facegender.cross_validation.train_folds import train_folds
from facegender.errors import UserError
from facegender.features.features import features
from facegender.training import provenance
from tests.cross_validation.small_folds import fold_params, in_process, tiny
from tests.small_training import Workspace


def test_the_same_inputs_give_the_same_bytes_and_finished_folds_stay(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    layout, params = workspace.layout, tiny(train={"epochs": 1})
    requested = in_process(monkeypatch, layout, params)
    features(layout, params)
    fold_features(layout, params)
    train_folds(layout, params, [])
    cross_validate(layout, params)
    first = {
        path: path.read_bytes()
        for folder in (layout.folds, layout.cross_validation)
        for path in folder.rglob("*")
        if path.is_file() and path.name != "openvino.xml"  # numbers its nodes across the process
    }
    train_fold(layout, params, 0)
    requested.clear()
    train_folds(layout, params, [])
    cross_validate(layout, params)
    assert requested == [1]
    assert {path: path.read_bytes() for path in first} == first
    train_fold(layout, params, 0)
    with JoinedStore(layout) as store:
        assert plan_folds(layout, fold_params(tiny(train={"epochs": 2})), store).missing == [0, 1]
    assert "train_folds: starts over, because parameters under train have changed\n" in caplog.text


def test_folds_of_other_code_are_not_joined(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    layout, params = workspace.layout, tiny()
    features(layout, params)
    fold_features(layout, params)
    with JoinedStore(layout) as store, caplog.at_level(logging.INFO):
        plan_folds(layout, fold_params(params), store).result_folder(0).mkdir()
        assert plan_folds(layout, fold_params(params), store).missing == [1]
        monkeypatch.setattr(provenance, "fingerprint_with_imports", lambda module: f"another {module}")
        plan = plan_folds(layout, fold_params(params), store)
    assert plan.missing == [0, 1]
    assert [path.name for path in plan.folder.parent.iterdir()] == [plan.folder.name]
    assert caplog.text.count("train_folds: starts over, because the code has changed\n") == 1


def test_a_change_while_folds_train_is_reported(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    layout, params = workspace.layout, tiny()
    features(layout, params)
    fold_features(layout, params)

    def run_processes(missing: list[int], processes: int, command: list[str]) -> None:
        with JoinedStore(layout) as store:  # simulates a fold's process that reads another params.yaml
            plan_folds(layout, fold_params(tiny(train={"epochs": 1})), store).result_folder(0).mkdir()

    monkeypatch.setattr(module, "run_processes", run_processes)
    with pytest.raises(UserError, match="code, data and parameters must not change while folds train"):
        train_folds(layout, params, [])
    assert not layout.folds.exists()
