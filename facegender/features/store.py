"""The features cache on disk: one array per view, a table of the rows, and a manifest of how they were made.

    features/
      manifest.json     what the features depend on; readers check nothing else
      rows.parquet      image, sha256, augmented; rows with augmented views come first
      view_00.npy       float16 (rows, ...), the pictures as they are
      view_01.npy ...   float16 (augmented rows, ...)

The arrays are read and written by facegender/files/float16_rows.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.errors import UserError
from facegender.files.float16_rows import Float16Array, Float16Rows
from facegender.files.image_names import lookup_all
from facegender.files.json_files import read_json, write_json
from facegender.files.parquet import read

ROWS_HASHED_AT_ONCE: Final = 4096


def view_file(folder: Path, view: int) -> Path:
    """Return the path of a view's file."""
    return folder / f"view_{view:02d}.npy"


@dataclass(frozen=True)
class Manifest:
    """What a features folder depends on.

    Folders with equal `view_0_dependencies` share the rows that were computed in the same precision.

    Attributes
    ----------
    weights
        Source of the backbone's weights and their fingerprint.
    cut
        Last frozen layer; null in online mode, where nothing is cached.
    shape
        Shape of one row.
    augment, seed
        How views 1 and up were made; only operations that are in force.
    views
        Number of views, view 0 included; 0 in online mode.
    precision, augmented_precision
        Precision in which the frozen part ran for rows that only validate, and for augmented rows in all their views.
        The results are stored as float16 in either case.
    code
        Fingerprint of the modules that decide the numbers in a row; empty in features from before it was recorded.
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
    augmented_precision: str = "float32"
    code: str = ""

    def precision_of(self, augmented: bool) -> str:
        """Return the precision of an augmented row or of any other."""
        return self.augmented_precision if augmented else self.precision

    def view_0_dependencies(self) -> dict[str, Any]:
        """Return what view 0 depends on, besides the picture and the precision."""
        return {
            "backbone": {key: value for key, value in self.backbone.items() if key != "weights"},
            "weights": self.weights["fingerprint"],
            "cut": self.cut,
            "trained_layers": self.trained_layers,
            "shape": self.shape,
            "code": self.code,
        }

    def augmentation_dependencies(self) -> dict[str, Any]:
        """Return what augmented views depend on in addition."""
        return {"augment": self.augment, "seed": self.seed}

    def write(self, folder: Path) -> None:
        """Write manifest.json."""
        write_json(folder / "manifest.json", self.__dict__)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read manifest.json; raise UserError if there is none."""
        path = folder / "manifest.json"
        if not path.is_file():
            raise UserError(str(path), "the features must be computed first", None, "Run `facegender features`.")
        return cls(**read_json(path))


class View(Protocol):
    """One view of some rows: float16, all rows of the same shape."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        ...

    def read(self, rows: npt.NDArray[np.int64], out: Float16Array | None = None) -> Float16Array:
        """Read rows in the given order: float16 (len(rows), *shape), into `out` if given."""
        ...


class Store(Protocol):
    """Features to train on: their manifest, their rows and their views."""

    manifest: Manifest

    @property
    def rows(self) -> pd.DataFrame:
        """Table of image, sha256, augmented, in the order of the views."""
        ...

    @property
    def views(self) -> Sequence[View]:
        """All views; view 0 has the pictures without augmentation."""
        ...

    @property
    def validation_view(self) -> View:
        """View 0 of the validation rows, in the precision of validation."""
        ...


def write_rows(folder: Path, rows: pd.DataFrame) -> None:
    """Write rows.parquet, in small row groups, because a row group is held in memory twice while it is written."""
    rows.to_parquet(folder / "rows.parquet", index=False, use_dictionary=False, row_group_size=4096)


def hash_rows(rows: pd.DataFrame) -> Iterator[npt.NDArray[np.uint64]]:
    """Yield the rows' hashes, a few thousand at a time: pandas makes Python objects of their strings."""
    for start in range(0, len(rows), ROWS_HASHED_AT_ONCE):
        part = rows.iloc[start : start + ROWS_HASHED_AT_ONCE]
        yield np.asarray(pd.util.hash_pandas_object(part, index=False), np.uint64)


def join_splits(store: Store, folder: Path, splits: pd.DataFrame) -> pd.DataFrame:
    """Return the store's rows, in its order, joined with label, group and fold from splits.parquet.

    Raises
    ------
    UserError
        The features in `folder` have other rows.
    """
    rows = store.rows
    try:
        at = lookup_all(rows["image"], splits["image"])
    except KeyError:
        at = np.empty(0, np.int64)
    if not len(rows) == len(splits) == len(at):
        raise UserError(
            str(folder),
            "the features must have the rows of splits.parquet",
            f"{len(rows)} rows, and {len(splits)} in splits.parquet",
            "Run `facegender features`.",
        )
    return rows.assign(**{name: splits[name].array[at] for name in splits.columns if name != "image"})


class FeatureStore:
    """Reads a finished features folder by row numbers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = Manifest.read(folder)
        self.views = [Float16Rows(view_file(folder, view)) for view in range(self.manifest.views)]

    @property
    def rows(self) -> pd.DataFrame:
        """Read rows.parquet. The table is not kept: it is mostly hashes, and callers need it only briefly."""
        return read(self.folder / "rows.parquet")

    @property
    def validation_view(self) -> Float16Rows:
        """View 0, in which rows that are not augmented have the precision of validation."""
        return self.views[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for view in self.views:
            view.close()
