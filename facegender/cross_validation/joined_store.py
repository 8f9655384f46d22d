"""The features of `features` and `fold_features` read as one: every row in every view, for training and validation."""

from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.errors import UserError
from facegender.features.store import FeatureStore, Manifest, View
from facegender.files.float16_rows import Float16Array, Float16Rows
from facegender.files.image_names import lookup
from facegender.files.layout import Layout


class JoinedView:
    """One view of every row, from two files; read like a `Float16Rows`.

    Parameters
    ----------
    place
        int64 (rows,): each row's number in `rest`, or -1 if it is in `main`, under its own number.
    """

    def __init__(self, main: Float16Rows, rest: Float16Rows, place: npt.NDArray[np.int64]) -> None:
        self.main, self.rest, self.place, self.shape = main, rest, place, main.shape

    def read(self, rows: npt.NDArray[np.int64], out: Float16Array | None = None) -> Float16Array:
        """Read rows in the given order: float16 (len(rows), *shape), into `out` if given."""
        if out is None:
            out = np.empty((len(rows), *self.shape), np.float16)
        place = self.place[rows]
        for file, chosen, numbers in ((self.main, place < 0, rows), (self.rest, place >= 0, place)):
            if chosen.any():
                out[chosen] = file.read(numbers[chosen])
        return out


class JoinedStore:
    """Every row in every view for training, and in view 0 for validation.

    Rows are numbered as in artifacts/features.

    Raises
    ------
    UserError
        The two do not belong together.
    """

    def __init__(self, layout: Layout) -> None:
        self.main = FeatureStore(layout.features)
        self.rest = FeatureStore(layout.fold_features)
        self.manifest: Manifest = self.main.manifest
        self.rows: pd.DataFrame = self.main.rows
        rest = self.rest.rows
        at = lookup(rest["image"], self.rows["image"])
        same = (at >= 0).all() and (rest["sha256"].array == self.rows["sha256"].array[at]).all()
        if self.rest.manifest != self.manifest or not same:
            self.close()
            raise UserError(
                str(layout.fold_features),
                "must be made from the same features",
                "made from others",
                "Run `facegender fold-features`.",
            )
        place = lookup(self.rows["image"], rest["image"])
        trains = np.append(rest["augmented"].to_numpy(dtype=bool), False)[place]  # place -1 gets the appended False
        training_place = np.where(trains, place, -1)
        self.views: list[View] = [
            JoinedView(main, more, training_place) for main, more in zip(self.main.views, self.rest.views, strict=True)
        ]
        self._validation_place = np.where(trains, -1, place)

    @property
    def validation_view(self) -> JoinedView:
        """View 0 of every row, in the precision of validation."""
        return JoinedView(self.main.views[0], self.rest.views[0], self._validation_place)

    def close(self) -> None:
        """Close the files."""
        self.main.close()
        self.rest.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
