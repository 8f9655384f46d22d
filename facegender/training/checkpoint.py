"""Checkpoints, from which a killed training resumes: all variables and the loop's state, saved after each epoch."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from facegender.files.atomic import atomic_file
from facegender.files.resumable import open_work


@dataclass
class Progress:
    """The state of the training loop.

    Attributes
    ----------
    phase
        Name of the current phase.
    epoch
        Number of finished epochs in it.
    history
        One row per epoch, of all phases.
    best_loss, best_epoch
        Lowest validation loss in this phase so far, and its epoch. Early stopping counts from best_epoch.
    """

    phase: str = ""
    epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    best_loss: float | None = None
    best_epoch: int = 0

    def start_phase(self, name: str) -> None:
        """Start counting from 0; the history stays."""
        self.phase, self.epoch, self.best_loss, self.best_epoch = name, 0, None, 0

    def finish_epoch(self, row: dict[str, Any]) -> bool:
        """Record an epoch's row of the history; return whether its validation loss is the phase's best."""
        self.epoch += 1
        self.history.append(row)
        better = self.best_loss is None or row["val_loss"] < self.best_loss
        if better:
            self.best_loss, self.best_epoch = row["val_loss"], self.epoch
        return better

    def out_of_patience(self, patience: int, since: float = 0.0) -> bool:
        """Whether the last `patience` epochs, all begun at `since` epochs or later, brought no improvement."""
        return self.best_loss is not None and self.epoch - max(self.best_epoch, since) >= patience


class Checkpoints:
    """Checkpoints of one training, in a folder named by the hash of what the training depends on."""

    def __init__(self, root: Path, depends_on: Mapping[str, Any]) -> None:
        self.folder = open_work(root, depends_on, "train")

    def save(self, progress: Progress, model: keras.Model, optimizer: keras.Optimizer) -> None:
        """Write variables (dropout's random state included), optimizer and progress to one file.

        `optimizer`: that of the compiled model. In mixed precision it wraps ours and holds the loss scale.
        """
        arrays = {f"model/{number}": np.asarray(variable) for number, variable in enumerate(model.variables)}
        arrays |= {f"optimizer/{number}": np.asarray(variable) for number, variable in enumerate(optimizer.variables)}
        state = np.frombuffer(json.dumps(asdict(progress)).encode(), np.uint8)
        with atomic_file(self.folder / "last.npz") as path:
            np.savez(path, allow_pickle=False, progress=state, **arrays)

    def load(self) -> Progress | None:
        """Return the saved progress, or None if there is nothing to resume."""
        path = self.folder / "last.npz"
        if not path.exists():
            return None
        with np.load(path) as arrays:
            return Progress(**json.loads(arrays["progress"].tobytes()))

    def restore(self, model: keras.Model, optimizer: keras.Optimizer) -> None:
        """Set every variable of the model and of the optimizer to its saved value; the optimizer must be built."""
        with np.load(self.folder / "last.npz") as arrays:
            for number, variable in enumerate(model.variables):
                variable.assign(arrays[f"model/{number}"])
            for number, variable in enumerate(optimizer.variables):
                variable.assign(arrays[f"optimizer/{number}"])

    def save_best(self, model: keras.Model) -> None:
        """Save the weights of the best epoch so far."""
        with atomic_file(self.folder / "best.npz") as path:
            np.savez(path, *model.get_weights())

    def restore_best(self, model: keras.Model) -> None:
        """Restore the best epoch's weights."""
        with np.load(self.folder / "best.npz") as arrays:
            model.set_weights([arrays[name] for name in arrays.files])

    def remove(self) -> None:
        """Delete the checkpoints, once the trained model is saved."""
        shutil.rmtree(self.folder)
