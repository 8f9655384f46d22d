"""The setting: what every part of `python -m benchmarks` is given."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.child import Log

Sections = dict[str, dict[str, Any]]  # parameters by section, as params.yaml has them
TINY_BACKBONE = {"alpha": 0.35, "image_size": 32, "weights": "none"}


@dataclass(frozen=True)
class Setting:
    """What every part is given.

    Attributes
    ----------
    data
        The data folder.
    root
        The folder in which the parts run.
    weights
        The file of MobileNetV2's weights that ours and its peers start from, or "none".
    changes
        Parameters that differ from the defaults.
    bench_python
        The Python that has the packages of benchmarks/requirements.txt.
    repeats, long_repeats
        Runs of a peer, and of a peer that trains a whole model.
    epochs
        Epochs of the plain scripts, which also stop early.
    sizes
        Numbers of images of the part `memory`.
    log
        Receives progress messages.
    """

    data: Path
    root: Path
    weights: str
    changes: Sections
    bench_python: str
    repeats: int
    long_repeats: int
    epochs: int
    sizes: tuple[int, ...]
    log: Log

    @property
    def image_size(self) -> int:
        """Pixels of an image's side, as the model sees it."""
        return int(self.changes.get("backbone", {}).get("image_size", 224))
