"""Vectors and feature maps on disk: .npy files of float16 rows, read and written one row at a time.

`numpy.load(..., mmap_mode="r")` opens them too. This module uses `pwrite` and `pread` instead: the pages of a memory
map count as memory of this process, and computing or reading features touches all of them.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from facegender.errors import UserError

Float16Array = npt.NDArray[np.float16]


class Float16Rows:
    """One .npy file of float16 rows, read and written row by row, without a memory map.

    Attributes
    ----------
    path
        The file.
    count
        Number of rows.
    shape
        Shape of one row.
    row_bytes
        Size of one row, in bytes.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rows.npy"
    >>> with Float16Rows.create(path, rows=3, shape=(2,)) as file:
    ...     file.write(1, np.array([0.5, 2.0]))
    ...     file.read(np.array([1, 0])).tolist()
    [[0.5, 2.0], [0.0, 0.0]]
    """

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
        """Create a file of `rows` rows of zeros. It is sparse: rows take disk space when they are written."""
        with path.open("wb") as file:
            header = {"descr": "<f2", "fortran_order": False, "shape": (rows, *shape)}
            np.lib.format.write_array_header_1_0(file, header)
            file.truncate(file.tell() + rows * int(np.prod(shape)) * 2)
        return cls(path, writable=True)

    def read(self, rows: npt.NDArray[np.int64], out: Float16Array | None = None) -> Float16Array:
        """Read rows in the given order: float16 (len(rows), *shape), written into `out` if given.

        Raises
        ------
        EOFError
            The file ends before a row.
        """
        if out is None:
            out = np.empty((len(rows), *self.shape), np.float16)
        for target, row in zip(out, rows, strict=True):
            got = os.preadv(self._handle, [target.reshape(-1).view(np.uint8)], self._offset(row))
            if got != self.row_bytes:
                raise EOFError(f"{self.path} ends before row {row}")
        return out

    def write(self, row: int, values: npt.NDArray[np.floating[Any]]) -> None:
        """Write one row, rounded to float16.

        Raises
        ------
        UserError
            A value is NaN or beyond the range of float16: training on it would give only NaN.
        """
        with np.errstate(over="ignore"):
            rounded = np.ascontiguousarray(values, "<f2")
        if not np.isfinite(rounded).all():
            raise UserError(
                str(self.path),
                "the frozen part of the backbone must output values between -65,504 and 65,504, the range of float16",
                f"{float(np.abs(values).max()):,.0f}",
                "Choose another cut with train.fine_tune_layers, or set train.mode to online.",
            )
        os.pwrite(self._handle, rounded.tobytes(), self._offset(row))

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, rows: slice) -> Float16Array:
        return self.read(np.arange(*rows.indices(self.count)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def flush(self) -> None:
        """Flush written rows to disk."""
        os.fsync(self._handle)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def _offset(self, row: int | np.int64) -> int:
        return self._start + int(row) * self.row_bytes
