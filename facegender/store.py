"""The features cache on disk: one array a view, a table of its rows, and a manifest of what made it.

    features/
      manifest.json     what the features depend on; a reader checks nothing else
      rows.parquet      image, sha256, augmented; rows with augmented views come first
      view_00.npy       float16 (rows, ...), the pictures as they are
      view_01.npy ...   float16 (augmented rows, ...)

The files are plain .npy, so `numpy.load(..., mmap_mode="r")` opens them. They are written and read by
`pwrite` and `pread` instead: pages of
a memory map count as this process's memory, and both making and reading features touch all of them.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.errors import UserError
from facegender.names import places
from facegender.parquet import read

Features = npt.NDArray[np.float16]


def view_file(folder: Path, view: int) -> Path:
    """The file of one view."""
    return folder / f"view_{view:02d}.npy"


@dataclass(frozen=True)
class Manifest:
    """What a features folder depends on. Two folders with equal `base` share view 0; with equal `views_key` all.

    Attributes
    ----------
    weights
        Source of the backbone's weights and their fingerprint.
    cut
        Last frozen layer, or null for online mode, where nothing is cached.
    shape
        Of one row.
    augment, seed
        What made views 1 and up; of the operations only those in force.
    views
        How many, view 0 included; 0 in online mode.
    precision
        In which the frozen part ran; the rows are float16 either way.
    """

    backbone: dict[str, Any]
    weights: dict[str, str]
    cut: str | None
    trained_layers: int
    shape: list[int]
    views: int
    augment: dict[str, Any]
    seed: int
    precision: str

    def base(self) -> dict[str, Any]:
        """What view 0 depends on, beside the picture."""
        return {
            "backbone": {key: value for key, value in self.backbone.items() if key != "weights"},
            "weights": self.weights["fingerprint"],
            "cut": self.cut,
            "trained_layers": self.trained_layers,
            "shape": self.shape,
            "precision": self.precision,
        }

    def views_key(self) -> dict[str, Any]:
        """What the augmented views depend on, beside the picture."""
        return {**self.base(), "augment": self.augment, "seed": self.seed}

    def write(self, folder: Path) -> None:
        (folder / "manifest.json").write_text(json.dumps(self.__dict__, indent=2, sort_keys=True) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Raises UserError where there is none."""
        path = folder / "manifest.json"
        if not path.is_file():
            raise UserError(str(path), "the features must be made first", None, "Run `facegender features`.")
        return cls(**json.loads(path.read_text()))


class View(Protocol):
    """One view of some rows: float16, each row of the same shape."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one row."""
        ...

    def read(self, rows: npt.NDArray[np.int64], out: Features | None = None) -> Features:
        """Some rows, in the order asked for: float16 (len(rows), *shape), into `out` where given."""
        ...


class Store(Protocol):
    """Features to train on: what made them, their rows, and a view of them each."""

    manifest: Manifest

    @property
    def rows(self) -> pd.DataFrame:
        """image, sha256, augmented, in the order of the views."""
        ...

    @property
    def views(self) -> Sequence[View]:
        """View 0 is the pictures as they are."""
        ...


def write_rows(folder: Path, rows: pd.DataFrame) -> None:
    """rows.parquet of a features folder; in small pieces, for what is written together is held in memory twice."""
    rows.to_parquet(folder / "rows.parquet", index=False, use_dictionary=False, row_group_size=4096)


def labelled(store: Store, folder: Path, splits: pd.DataFrame) -> pd.DataFrame:
    """The store's rows, in its order, each with what splits.parquet says of it: label, group, fold.

    Raises
    ------
    UserError
        The features in `folder` are those of other rows.
    """
    rows = store.rows
    try:
        at = places(rows["image"], splits["image"])
    except KeyError:
        at = np.empty(0, np.int64)
    if not len(rows) == len(splits) == len(at):
        raise UserError(
            str(folder),
            "the features must be those of the rows in splits.parquet",
            f"{len(rows)} rows, and {len(splits)} in splits.parquet",
            "Run `facegender features`.",
        )
    return rows.assign(**{name: splits[name].array[at] for name in splits.columns if name != "image"})


class RowFile:
    """One .npy file of float16 rows, read and written row by row without mapping it into memory."""

    def __init__(self, path: Path, writable: bool = False) -> None:
        self.path = path
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
            shape, _, _ = np.lib.format.read_array_header_1_0(file)
            self._start = file.tell()
        self.count: int = shape[0]
        self.shape: tuple[int, ...] = shape[1:]
        self.row_bytes = int(np.prod(self.shape)) * 2
        self._handle = os.open(path, os.O_RDWR if writable else os.O_RDONLY)

    @classmethod
    def create(cls, path: Path, rows: int, shape: Sequence[int]) -> Self:
        """A new file of `rows` rows, which take disk space as they are written."""
        with path.open("wb") as file:
            header = {"descr": "<f2", "fortran_order": False, "shape": (rows, *shape)}
            np.lib.format.write_array_header_1_0(file, header)
            file.truncate(file.tell() + rows * int(np.prod(shape)) * 2)
        return cls(path, writable=True)

    def read(self, rows: npt.NDArray[np.int64], out: Features | None = None) -> Features:
        """Some rows, in the order asked for: float16 (len(rows), *shape), into `out` where given."""
        if out is None:
            out = np.empty((len(rows), *self.shape), np.float16)
        for target, row in zip(out, rows, strict=True):
            got = os.preadv(self._handle, [target.reshape(-1).view(np.uint8)], self._place(row))
            if got != self.row_bytes:
                raise EOFError(f"{self.path} ends before row {row}")
        return out

    def write(self, row: int, values: npt.NDArray[np.floating[Any]]) -> None:
        """One row, rounded to float16.

        Raises
        ------
        UserError
            A value is beyond float16's, or no number: training on it would end in nothing but NaN.
        """
        with np.errstate(over="ignore"):
            rounded = np.ascontiguousarray(values, "<f2")
        if not np.isfinite(rounded).all():
            raise UserError(
                str(self.path),
                "the frozen part of the backbone must give numbers within 65,504 of zero, which float16 holds",
                f"{float(np.abs(values).max()):,.0f}",
                "Choose another cut with train.fine_tune_layers, or set train.mode to online.",
            )
        os.pwrite(self._handle, rounded.tobytes(), self._place(row))

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, rows: slice) -> Features:
        return self.read(np.arange(*rows.indices(self.count)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def flush(self) -> None:
        """Let what was written reach the disk."""
        os.fsync(self._handle)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def _place(self, row: int | np.int64) -> int:
        return self._start + int(row) * self.row_bytes


class FeatureStore:
    """Read access to a finished features folder, by row numbers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = Manifest.read(folder)
        self.views = [RowFile(view_file(folder, view)) for view in range(self.manifest.views)]

    @property
    def rows(self) -> pd.DataFrame:
        """rows.parquet, read when asked for: most of it is hashes, which hardly anybody needs for long."""
        return read(self.folder / "rows.parquet")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its files."""
        for view in self.views:
            view.close()
