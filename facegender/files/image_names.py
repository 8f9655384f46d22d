"""Look up and sort image names with Arrow, because pandas keeps a Python object for each name."""

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


class ImagePaths(Sequence[str]):
    """Paths of the images in a folder, as strings that are built when needed: 20 bytes a name instead of 70.

    They are not `Path` objects: Python interns the parts of each path, and its table grew by 7 MB at the 65,536th name.
    """

    def __init__(self, folder: Path, names: "pd.Series[str]") -> None:
        self._folder, self._names = folder, names.array

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> "ImagePaths": ...

    def __getitem__(self, place: int | slice) -> "str | ImagePaths":
        if isinstance(place, slice):
            return ImagePaths(self._folder, pd.Series(self._names[place]))
        return f"{self._folder}/{self._names[place]}"


def lookup(names: "pd.Series[str]", among: "pd.Series[str]") -> npt.NDArray[np.int64]:
    """Return the first row of each name in `among`, or -1 if it is missing: int64 (n,).

    Examples
    --------
    >>> lookup(pd.Series(["a.jpg", "c.jpg"], dtype="str"), pd.Series(["b.jpg", "a.jpg"], dtype="str")).tolist()
    [1, -1]
    """
    found = pc.index_in(_strings(names), value_set=_strings(among))
    at: npt.NDArray[np.int64] = found.fill_null(-1).to_numpy().astype(np.int64)
    return at


def lookup_all(names: "pd.Series[str]", among: "pd.Series[str]") -> npt.NDArray[np.int64]:
    """Return the first row of each name in `among`: int64 (n,).

    Raises
    ------
    KeyError
        A name is missing from `among`.
    """
    at = lookup(names, among)
    if (at < 0).any():
        raise KeyError(names.iloc[int(np.argmax(at < 0))])
    return at


def argsort_names(names: "pd.Series[str]") -> npt.NDArray[np.int64]:
    """Return the rows that sort the names by code point; equal names keep their order: int64 (n,)."""
    at: npt.NDArray[np.int64] = pc.sort_indices(_strings(names)).to_numpy().astype(np.int64)
    return at


def _strings(names: "pd.Series[str]") -> pa.Array:
    array = pa.array(names, pa.large_string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
