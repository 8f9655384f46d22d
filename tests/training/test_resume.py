"""A killed training resumes and ends with the same model, but only if it is still the same training."""

import logging
from pathlib import Path

import keras
import pytest

from facegender.features.features import features
from facegender.training import provenance
from facegender.training.checkpoint import Checkpoints, Progress
from facegender.training.train import train
from tests.small_training import TRAINED, Workspace, params_with


class Killed(BaseException):
    """Simulates a kill: no code of ours catches it."""


def kill_after(monkeypatch: pytest.MonkeyPatch, epochs: int) -> None:
    """Simulate a kill right after the checkpoint of the n-th epoch of the whole training."""
    original = Checkpoints.save
    seen = 0

    def save(self: Checkpoints, progress: Progress, model: keras.Model, optimizer: keras.Optimizer) -> None:
        nonlocal seen
        original(self, progress, model, optimizer)
        seen += 1
        if seen == epochs:
            raise Killed

    monkeypatch.setattr(Checkpoints, "save", save)


def contents(folder: Path) -> dict[str, bytes]:
    """Read every file but openvino.xml, which numbers its nodes across the whole process."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "openvino.xml"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mixup": 0.4},
        {"mode": "online"},
        {"ema": 0.9, "layer_decay": 0.7, "unfreeze": 1, "sampling": "balanced"},
        {"mode": "online", "fine_tune_layers": "all", "ema": 0.9, "sampling": "balanced"},
    ],
    ids=lambda changes: " ".join(map(str, changes.values())) or "default",
)
@pytest.mark.parametrize("killed_after", [1, 2])
def test_a_killed_training_ends_as_an_undisturbed_one(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, object],
    killed_after: int,
) -> None:
    layout, params = workspace.layout, params_with(train=changes)
    features(layout, params)
    train(layout, params)
    undisturbed = contents(layout.model)
    assert set(undisturbed) == {
        *("model.keras", "classes.json", "provenance.json", "history.csv"),
        *("engine.json", "openvino.bin"),
    }
    layout.model.rename(layout.model.with_name("undisturbed"))
    with monkeypatch.context() as patch:
        kill_after(patch, killed_after)  # 1: in the head's phase; 2: in fine-tuning
        with pytest.raises(Killed):
            train(layout, params)
    assert not layout.model.exists()
    with caplog.at_level(logging.INFO):
        train(layout, params)
    assert "resuming a killed training" in caplog.text
    assert contents(layout.model) == undisturbed


def test_a_killed_training_in_mixed_precision_keeps_its_loss_scale(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # so large that steps overflow float16 once the head is not zero: each is skipped and halves the scale
    largest = 2.0**60
    monkeypatch.setattr(keras.optimizers.LossScaleOptimizer.__init__, "__defaults__", (largest, 2000, None))
    scales: list[float] = []
    original = Checkpoints.save

    def save(self: Checkpoints, progress: Progress, model: keras.Model, optimizer: keras.Optimizer) -> None:
        assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        scales.append(float(optimizer.dynamic_scale))
        original(self, progress, model, optimizer)

    monkeypatch.setattr(Checkpoints, "save", save)
    layout = workspace.layout
    changes = {"mixed_precision": "on", "head_epochs": 0, "epochs": 3}
    params = params_with(backbone=TRAINED, train=changes)
    features(layout, params)
    train(layout, params)
    undisturbed = contents(layout.model)
    first, *others = scales
    assert first < largest
    layout.model.rename(layout.model.with_name("undisturbed"))
    with monkeypatch.context() as patch:
        kill_after(patch, 1)
        with pytest.raises(Killed):
            train(layout, params)
    scales.clear()
    train(layout, params)
    assert scales == others
    assert contents(layout.model) == undisturbed


def test_a_checkpoint_of_other_parameters_is_not_resumed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    features(workspace.layout, workspace.params)
    with monkeypatch.context() as patch:
        kill_after(patch, 1)
        with pytest.raises(Killed):
            train(workspace.layout, workspace.params)
    with caplog.at_level(logging.INFO):
        train(workspace.layout, params_with(train={"learning_rate": 0.01}))
    assert "resuming" not in caplog.text
    assert "train: starts over, because parameters under train have changed\n" in caplog.text


def test_a_checkpoint_of_other_code_is_not_resumed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    layout, params = workspace.layout, workspace.params
    features(layout, params)
    train(layout, params)
    undisturbed = contents(layout.model)
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        patch.setattr(provenance, "fingerprint_with_imports", lambda module: f"another {module}")
        with pytest.raises(Killed):
            train(layout, params)
    with caplog.at_level(logging.INFO):
        train(layout, params)
    assert "resuming" not in caplog.text
    assert caplog.text.count("train: starts over, because the code has changed\n") == 1
    assert contents(layout.model) == undisturbed
    assert list((layout.resume / "train").iterdir()) == []
