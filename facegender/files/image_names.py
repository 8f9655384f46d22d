"""Image names looked up in other tables: by Arrow's hash tables, because pandas' own keep a Python object a name."""

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


class ImagePaths(Sequence[str]):
    """The images below a folder, each path made when it is asked for: strings take 70 bytes, names here 20.

    No `Path` objects: Python remembers the parts of one in a table that has grown by 7 MB at the 65,536th.
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
    """The first row of each name in `among`, or -1: int64 (n,)."""
    found = pc.index_in(_strings(names), value_set=_strings(among))
    at: npt.NDArray[np.int64] = found.fill_null(-1).to_numpy().astype(np.int64)
    return at


def lookup_all(names: "pd.Series[str]", among: "pd.Series[str]") -> npt.NDArray[np.int64]:
    """The first row of each name in `among`: int64 (n,).

    Raises
    ------
    KeyError
        A name is not there.
    """
    at = lookup(names, among)
    if (at < 0).any():
        raise KeyError(names.iloc[int(np.argmax(at < 0))])
    return at


def argsort_names(names: "pd.Series[str]") -> npt.NDArray[np.int64]:
    """The rows in the order of their names, by code point; equal names as they came: int64 (n,)."""
    at: npt.NDArray[np.int64] = pc.sort_indices(_strings(names)).to_numpy().astype(np.int64)
    return at


def _strings(names: "pd.Series[str]") -> pa.Array:
    array = pa.array(names, pa.large_string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
