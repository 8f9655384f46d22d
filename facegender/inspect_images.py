"""Every image, read once: decoded in full, measured, hashed and shrunk to a thumbnail, on all cores.

What is kept of an image are columns of numbers, about 60 bytes; its thumbnail waits in a temporary file.
"""

# ruff: noqa: PTH114, PTH116, PTH120, PTH123
# Plain strings for paths: pathlib's objects would cost a tenth of the time that is spent on an image

import os
import stat
import tempfile
import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from facegender.decode import Undecodable, open_grey
from facegender.duplicates import SIDE, Rows, Thumbnails, perceptual_hashes
from facegender.errors import UserError
from facegender.params import ValidateParams
from facegender.progress import track

CHUNK = 64  # images a thread takes at once: little enough to report progress and to keep few thumbnails in memory


@dataclass
class Findings:
    """Columns over all images, in the order of their names.

    width, height
        int32 (n,), upright; 0 where the picture cannot be decoded.
    size
        int64 (n,), bytes of the file; -1 where it is missing.
    mode
        int16 (n,), into `modes`; -1 where the picture cannot be decoded.
    digest
        void32 (n,), SHA-256 of the file; zeros where it was not read.
    phash
        uint64 (n,), of `perceptual_hashes`; 0 where the picture cannot be decoded.
    reasons
        Why a picture cannot be decoded, by row.
    """

    width: npt.NDArray[np.int32]
    height: npt.NDArray[np.int32]
    size: npt.NDArray[np.int64]
    mode: npt.NDArray[np.int16]
    digest: npt.NDArray[np.void]
    phash: npt.NDArray[np.uint64]
    modes: list[str] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)

    @classmethod
    def blank(cls, n: int) -> "Findings":
        return cls(
            width=np.zeros(n, np.int32),
            height=np.zeros(n, np.int32),
            size=np.full(n, -1, np.int64),
            mode=np.full(n, -1, np.int16),
            digest=np.zeros(n, "V32"),
            phash=np.zeros(n, np.uint64),
        )

    @property
    def decoded(self) -> npt.NDArray[np.bool_]:
        """bool (n,)"""
        return self.mode >= 0

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """bool (n,): there is a file."""
        return self.size >= 0

    @property
    def read(self) -> npt.NDArray[np.bool_]:
        """bool (n,): the file was read, so that it has a digest."""
        read: npt.NDArray[np.bool_] = self.digest != np.void(bytes(32))
        return read


@contextmanager
def inspected(
    folder: Path, names: "pd.Series[str]", params: ValidateParams, threads: int | None = None
) -> Iterator[tuple[Findings, "ThumbnailFile"]]:
    """Inspect `names` under `folder`; the thumbnails are there as long as the block runs.

    Raises
    ------
    UserError
        A name is, or goes through, a link that leaves the folder.
    """
    threads = threads or os.cpu_count() or 1
    findings = Findings.blank(len(names))
    reader = _Reader(folder, params)
    starts = iter(range(0, len(names), CHUNK))
    with (
        tempfile.TemporaryFile() as file,
        ThreadPoolExecutor(threads) as pool,
        track("Inspecting images", len(names), "images") as advance,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # Pillow's remarks on odd files: what matters of them is found by decoding
        pending: deque[Future[_Chunk]] = deque()

        def submit() -> None:
            for start in starts:
                pending.append(pool.submit(reader.read, start, names.iloc[start : start + CHUNK].tolist()))
                return

        try:
            for _ in range(threads * 3):
                submit()
            while pending:
                chunk = pending.popleft().result()
                submit()
                chunk.store(findings, file)
                advance(len(chunk.size))
        finally:
            for future in pending:
                future.cancel()
        file.flush()
        yield findings, ThumbnailFile(file)


class ThumbnailFile:
    """Thumbnails by row, read from disk when asked for: all of them would be 1 kB an image."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __call__(self, rows: Rows) -> Thumbnails:
        """uint8 (len(rows), 32, 32)."""
        handle, size = self._file.fileno(), SIDE * SIDE
        content = b"".join(os.pread(handle, size, int(row) * size) for row in rows)
        return np.frombuffer(content, np.uint8).reshape(len(rows), SIDE, SIDE)


class _Chunk:
    """The findings of some consecutive images."""

    def __init__(self, start: int, n: int) -> None:
        self.start = start
        self.width, self.height = np.zeros(n, np.int32), np.zeros(n, np.int32)
        self.size = np.full(n, -1, np.int64)
        self.modes: list[str | None] = [None] * n
        self.digest = np.zeros(n, "V32")
        self.phash = np.zeros(n, np.uint64)
        self.thumbnails = np.zeros((n, SIDE, SIDE), np.uint8)
        self.reasons: dict[int, str] = {}

    def store(self, findings: Findings, file: BinaryIO) -> None:
        rows = slice(self.start, self.start + len(self.size))
        for name in ("width", "height", "size", "digest", "phash"):
            getattr(findings, name)[rows] = getattr(self, name)
        for mode in self.modes:
            if mode is not None and mode not in findings.modes:
                findings.modes.append(mode)
        findings.mode[rows] = [-1 if mode is None else findings.modes.index(mode) for mode in self.modes]
        findings.reasons.update((self.start + row, reason) for row, reason in self.reasons.items())
        file.write(self.thumbnails.tobytes())


class _Reader:
    """Reads images of one folder."""

    def __init__(self, folder: Path, params: ValidateParams) -> None:
        self._params = params
        self._root = folder
        self._real_root = os.path.realpath(folder)
        self._inside = {""}  # subfolders known to lie, in truth, under the folder

    def read(self, start: int, names: list[str]) -> _Chunk:
        chunk = _Chunk(start, len(names))
        for row, name in enumerate(names):
            try:
                self._read_one(chunk, row, name)
            except Undecodable as error:
                chunk.reasons[row] = str(error)
        chunk.phash = perceptual_hashes(chunk.thumbnails)
        return chunk

    def _read_one(self, chunk: _Chunk, row: int, name: str) -> None:
        content = self._content(chunk, row, name)
        chunk.digest[row] = np.void(sha256(content).digest())
        grey, mode = open_grey(content, self._params.max_pixels)
        chunk.width[row], chunk.height[row] = grey.size
        chunk.modes[row] = mode
        small = grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=1.0)
        chunk.thumbnails[row] = np.frombuffer(small.tobytes(), np.uint8).reshape(SIDE, SIDE)

    def _content(self, chunk: _Chunk, row: int, name: str) -> bytes:
        path = f"{self._root}/{name}"
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode) or os.path.dirname(name) not in self._inside:
                self._refuse_links_out(path, name)
                status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                raise Undecodable("not a file")
            chunk.size[row] = status.st_size
            if status.st_size > self._params.max_bytes:
                raise Undecodable(f"{status.st_size} bytes, more than max_bytes = {self._params.max_bytes}")
            with open(path, "rb", buffering=0) as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            raise Undecodable("the file is missing") from None
        except OSError as error:
            raise Undecodable(f"cannot be read: {error.strerror}") from None

    def _refuse_links_out(self, path: str, name: str) -> None:
        real = os.path.realpath(path)
        if os.path.commonpath([self._real_root, real]) != self._real_root:
            raise UserError(
                f"images/{name}",
                "an image must lie in the images folder itself",
                f"a link to {real}",
                "Copy the file there. If DVC made it: `dvc config cache.type hardlink,copy`, then `dvc checkout`.",
            )
        if not os.path.islink(path):
            self._inside.add(os.path.dirname(name))
