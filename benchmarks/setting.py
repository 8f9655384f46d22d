"""What every part of the benchmarks is told."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """`changes` are parameters that differ from the defaults; `bench` is the Python that has the packages of
    benchmarks/requirements.txt; `sizes` are the memory part's."""

    data: Path
    root: Path
    weights: str
    changes: dict[str, dict[str, object]]
    bench: str
    repeats: int
    long_repeats: int
    epochs: int
    sizes: tuple[int, ...]
    tell: Callable[[str], None]

    @property
    def size(self) -> int:
        """Pixels of a side."""
        return int(str(self.changes.get("backbone", {}).get("image_size", 224)))
