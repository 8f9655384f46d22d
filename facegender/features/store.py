"""The features cache on disk: one array a view, a table of its rows, and a manifest of what made it.

    features/
      manifest.json     what the features depend on; a reader checks nothing else
      rows.parquet      image, sha256, augmented; rows with augmented views come first
      view_00.npy       float16 (rows, ...), the pictures as they are
      view_01.npy ...   float16 (augmented rows, ...)

facegender/files/float16_rows.py reads and writes the arrays.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.errors import UserError
from facegender.files.float16_rows import Features, RowFile
from facegender.files.image_names import places
from facegender.files.json_files import read_json, write_json
from facegender.files.parquet import read

ROWS_HASHED_AT_ONCE: Final = 4096


def view_file(folder: Path, view: int) -> Path:
    """The file of one view."""
    return folder / f"view_{view:02d}.npy"


@dataclass(frozen=True)
class Manifest:
    """What a features folder depends on. Folders of equal `base` share what was made in the same precision.

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
    precision, augmented_precision
        In which the frozen part ran for rows that only validate, and for augmented rows, in all their views; what is
        kept is float16 either way.
    code
        Fingerprint of the modules that decide what is in a row; empty in features of before it was kept.
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
        """That of a row."""
        return self.augmented_precision if augmented else self.precision

    def view_0_dependencies(self) -> dict[str, Any]:
        """What view 0 depends on, beside the picture and the precision."""
        return {
            "backbone": {key: value for key, value in self.backbone.items() if key != "weights"},
            "weights": self.weights["fingerprint"],
            "cut": self.cut,
            "trained_layers": self.trained_layers,
            "shape": self.shape,
            "code": self.code,
        }

    def augmentation_dependencies(self) -> dict[str, Any]:
        """What augmented views depend on beyond that."""
        return {"augment": self.augment, "seed": self.seed}

    def write(self, folder: Path) -> None:
        write_json(folder / "manifest.json", self.__dict__)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Raises UserError where there is none."""
        path = folder / "manifest.json"
        if not path.is_file():
            raise UserError(str(path), "the features must be made first", None, "Run `facegender features`.")
        return cls(**read_json(path))


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

    @property
    def validation_view(self) -> View:
        """View 0 of the rows that validate, in the precision that a training is judged by."""
        ...


def write_rows(folder: Path, rows: pd.DataFrame) -> None:
    """rows.parquet of a features folder; in small pieces, for what is written together is held in memory twice."""
    rows.to_parquet(folder / "rows.parquet", index=False, use_dictionary=False, row_group_size=4096)


def hash_rows(rows: pd.DataFrame) -> Iterator[npt.NDArray[np.uint64]]:
    """Yield the rows' hashes, a few thousand at a time: pandas makes Python objects of their strings."""
    for start in range(0, len(rows), ROWS_HASHED_AT_ONCE):
        part = rows.iloc[start : start + ROWS_HASHED_AT_ONCE]
        yield np.asarray(pd.util.hash_pandas_object(part, index=False), np.uint64)


def join_splits(store: Store, folder: Path, splits: pd.DataFrame) -> pd.DataFrame:
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

    @property
    def validation_view(self) -> RowFile:
        """See `Store`: of the rows that are not augmented."""
        return self.views[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its files."""
        for view in self.views:
            view.close()
