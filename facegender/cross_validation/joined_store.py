"""The features of `features` and of `fold_features` read as one: every row in every view, to train and to validate."""

from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.errors import UserError
from facegender.features.store import FeatureStore, Manifest, View
from facegender.files.float16_rows import Features, RowFile
from facegender.files.image_names import lookup
from facegender.files.layout import Layout
from facegender.files.stage_outputs import require


class JoinedView:
    """One view of every row, out of two files; read as a `RowFile` is.

    Parameters
    ----------
    place
        int64 (rows,): of each row in `rest`; -1 where it is in `main`, at its own number.
    """

    def __init__(self, main: RowFile, rest: RowFile, place: npt.NDArray[np.int64]) -> None:
        self.main, self.rest, self.place, self.shape = main, rest, place, main.shape

    def read(self, rows: npt.NDArray[np.int64], out: Features | None = None) -> Features:
        """Some rows, in the order asked for: float16 (len(rows), *shape), into `out` where given."""
        if out is None:
            out = np.empty((len(rows), *self.shape), np.float16)
        place = self.place[rows]
        for file, chosen, numbers in ((self.main, place < 0, rows), (self.rest, place >= 0, place)):
            if chosen.any():
                out[chosen] = file.read(numbers[chosen])
        return out


class JoinedStore:
    """Every row in every view, and as it is to be judged.

    Rows are numbered as in the first.

    Raises
    ------
    UserError
        One of them is missing, or they do not belong together.
    """

    def __init__(self, layout: Layout) -> None:
        require(layout, "features", "fold-features")
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
                "must be made of the same features",
                "made of others",
                "Run `facegender fold-features`.",
            )
        place = lookup(self.rows["image"], rest["image"])
        trains = np.append(rest["augmented"].to_numpy(dtype=bool), False)[place]  # the last one where place is -1
        trained = np.where(trains, place, -1)
        self.views: list[View] = [
            JoinedView(main, more, trained) for main, more in zip(self.main.views, self.rest.views, strict=True)
        ]
        self._judges = np.where(trains, -1, place)

    @property
    def validation_view(self) -> JoinedView:
        """See `Store`."""
        return JoinedView(self.main.views[0], self.rest.views[0], self._judges)

    def close(self) -> None:
        """Close the files."""
        self.main.close()
        self.rest.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
