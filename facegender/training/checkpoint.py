"""What a killed training resumes from: every variable and everything the loop remembers, whole after each epoch."""

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
    """The loop's memory.

    Attributes
    ----------
    phase
        Name of the phase under way.
    epoch
        Epochs of it that are finished.
    history
        One row an epoch, of both phases.
    best_loss, best_epoch
        Lowest validation loss in this phase so far, and where. Early stopping counts from best_epoch.
    """

    phase: str = ""
    epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    best_loss: float | None = None
    best_epoch: int = 0

    def start_phase(self, name: str) -> None:
        """Begin to count anew; the history stays."""
        self.phase, self.epoch, self.best_loss, self.best_epoch = name, 0, None, 0

    def finish_epoch(self, row: dict[str, Any]) -> bool:
        """Take in an epoch's numbers; True where its validation loss is the phase's best."""
        self.epoch += 1
        self.history.append(row)
        better = self.best_loss is None or row["val_loss"] < self.best_loss
        if better:
            self.best_loss, self.best_epoch = row["val_loss"], self.epoch
        return better

    def out_of_patience(self, patience: int, since: float = 0.0) -> bool:
        """Whether the last `patience` epochs, all of them begun `since` epochs or later, brought nothing better."""
        return self.best_loss is not None and self.epoch - max(self.best_epoch, since) >= patience


class Checkpoints:
    """Checkpoints of one training in a folder named by what the training depends on."""

    def __init__(self, root: Path, depends_on: Mapping[str, Any]) -> None:
        self.folder = open_work(root, depends_on, "train")

    def save(self, progress: Progress, model: keras.Model, optimizer: keras.Optimizer) -> None:
        """Write variables (dropout's random state included), optimizer and progress as one file.

        `optimizer`: the compiled model's, which in mixed precision is one around ours and holds the loss scale.
        """
        arrays = {f"model/{place}": np.asarray(variable) for place, variable in enumerate(model.variables)}
        arrays |= {f"optimizer/{place}": np.asarray(variable) for place, variable in enumerate(optimizer.variables)}
        state = np.frombuffer(json.dumps(asdict(progress)).encode(), np.uint8)
        with atomic_file(self.folder / "last.npz") as path:
            np.savez(path, allow_pickle=False, progress=state, **arrays)

    def load(self) -> Progress | None:
        """What the loop remembered; None where there is nothing to resume."""
        path = self.folder / "last.npz"
        if not path.exists():
            return None
        with np.load(path) as arrays:
            return Progress(**json.loads(arrays["progress"].tobytes()))

    def restore(self, model: keras.Model, fitted: keras.Model) -> None:
        """Set every variable of `model`, and of the optimizer of `fitted`, its part that trains, to what it was.

        That optimizer is built.
        """
        optimizer = fitted.optimizer
        with np.load(self.folder / "last.npz") as arrays:
            for place, variable in enumerate(model.variables):
                variable.assign(arrays[f"model/{place}"])
            for place, variable in enumerate(optimizer.variables):
                variable.assign(arrays[f"optimizer/{place}"])

    def save_best(self, model: keras.Model) -> None:
        """Keep the weights of the best epoch so far."""
        with atomic_file(self.folder / "best.npz") as path:
            np.savez(path, *model.get_weights())

    def restore_best(self, model: keras.Model) -> None:
        """Go back to the best epoch's weights."""
        with np.load(self.folder / "best.npz") as arrays:
            model.set_weights([arrays[name] for name in arrays.files])

    def remove(self) -> None:
        """The training is done and its model saved."""
        shutil.rmtree(self.folder)
