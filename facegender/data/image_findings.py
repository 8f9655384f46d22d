"""Read every image once, on all cores (facegender/data/reader_process.py), and keep the findings as columns.

The columns take about 60 bytes per image. Thumbnails are kept in a temporary file.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.data.arrays import Hashes, RowMask, RowNumbers, Thumbnails
from facegender.data.duplicates import perceptual_hashes
from facegender.data.reader_pool import Readers
from facegender.data.reader_protocol import DIGEST, SIDE, Images
from facegender.data.tables import STRINGS_AT_ONCE
from facegender.errors import UserError
from facegender.runtime.progress import track

CHUNK = 48  # images per request: the answer fits into a pipe (64 kB on Linux), so the process need not wait


@dataclass
class Findings:
    """What was found about each image: one column per property, in the order of the names.

    Attributes
    ----------
    width, height
        int32 (n,): pixels of the upright picture; 0 if it cannot be decoded.
    size
        int64 (n,): bytes of the file; -1 if it is missing.
    mode
        int16 (n,): index into `modes`; -1 if the picture cannot be decoded.
    digest
        void32 (n,): SHA-256 of the file; zeros if it was not read.
    phash
        uint64 (n,): from `perceptual_hashes`; 0 if the picture cannot be decoded.
    modes
        Pillow's names of the colour modes that occur.
    reasons
        Why a picture cannot be decoded, by row.
    """

    width: npt.NDArray[np.int32]
    height: npt.NDArray[np.int32]
    size: npt.NDArray[np.int64]
    mode: npt.NDArray[np.int16]
    digest: npt.NDArray[np.void]
    phash: Hashes
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
    def decoded(self) -> RowMask:
        """bool (n,): True where the picture can be decoded."""
        return self.mode >= 0

    @property
    def exists(self) -> RowMask:
        """bool (n,): True where there is a file."""
        return self.size >= 0

    @property
    def was_read(self) -> RowMask:
        """bool (n,): True where the file was read, so that it has a digest."""
        was_read: RowMask = self.digest != np.void(bytes(32))
        return was_read


@contextmanager
def inspect_images(readers: Readers, names: "pd.Series[str]") -> Iterator[tuple[Findings, "ThumbnailFile"]]:
    """Inspect the images `names`, then close the `readers`. The thumbnails exist only inside the `with` block.

    Raises
    ------
    UserError
        A name is a link that leaves the folder, or goes through one. The message names the first of them.
    """
    findings = Findings.blank(len(names))
    outside: list[tuple[int, str]] = []
    ahead = readers.ahead()
    rows_ahead = _find_rows([images.names for images in ahead], names)
    left = np.ones(len(names), np.bool_)
    for rows in rows_ahead:
        left[rows[rows >= 0]] = False
    with tempfile.TemporaryFile() as file, track("Inspecting images", len(names), "images") as advance:
        thumbnails = ThumbnailFile(file, len(names))
        for rows, images in zip(rows_ahead, ahead, strict=True):
            _store_findings(images, rows, findings, thumbnails)
        ahead.clear()
        advance(len(names) - int(left.sum()))

        def requests() -> Iterator[tuple[RowNumbers, list[str]]]:
            rows = np.flatnonzero(left)
            for start in range(0, len(rows), STRINGS_AT_ONCE):
                many = rows[start : start + STRINGS_AT_ONCE]
                some = names.iloc[many].tolist()
                for place in range(0, len(many), CHUNK):
                    if outside:  # all earlier rows have been requested already
                        return
                    yield many[place : place + CHUNK], some[place : place + CHUNK]

        for rows, images in readers.read(requests()):
            if images.outside:
                outside.append((int(rows[images.outside[0]]), images.outside[1]))
            _store_findings(images, rows, findings, thumbnails)
            advance(len(rows))
        readers.close()
        if outside:
            row, target = min(outside)
            raise UserError(
                f"images/{names.iloc[row]}",
                "an image must lie in the images folder itself",
                f"a link to {target}",
                "Copy the file there. If DVC made it: `dvc config cache.type hardlink,copy`, then `dvc checkout`.",
            )
        yield findings, thumbnails


def _find_rows(lists: list[list[str]], names: "pd.Series[str]") -> list[RowNumbers]:
    """Find the rows of each list of names: int64 (len(list),), with -1 for a name that is not in `names`."""
    row_of = dict.fromkeys(chain.from_iterable(lists), -1)
    for start in range(0, len(names), STRINGS_AT_ONCE):
        for row, name in enumerate(names.iloc[start : start + STRINGS_AT_ONCE].tolist(), start):
            if name in row_of:
                row_of[name] = row
    return [np.array([row_of[name] for name in some], np.int64) for some in lists]


def _store_findings(images: Images, rows: RowNumbers, findings: Findings, file: "ThumbnailFile") -> None:
    """Store what was found for `rows`; discard images whose row is -1."""
    kept = np.flatnonzero(rows >= 0)
    at = rows[kept]
    findings.width[at], findings.height[at] = np.array(images.width)[kept], np.array(images.height)[kept]
    findings.size[at] = np.array(images.size)[kept]
    for mode in images.mode:
        if mode is not None and mode not in findings.modes:
            findings.modes.append(mode)
    places = {mode: place for place, mode in enumerate(findings.modes)}
    findings.mode[at] = np.array([-1 if mode is None else places[mode] for mode in images.mode])[kept]
    findings.digest[at] = np.frombuffer(images.digests, f"V{DIGEST}")[kept]
    thumbnails = np.frombuffer(images.thumbnails, np.uint8).reshape(-1, SIDE, SIDE)
    findings.phash[at] = perceptual_hashes(thumbnails)[kept]
    findings.reasons.update((int(rows[place]), reason) for place, reason in images.reasons.items() if rows[place] >= 0)
    file.append(at, thumbnails[kept])


class ThumbnailFile:
    """Thumbnails by row, kept in a file and read when needed: in memory they would take 1 kB per image."""

    def __init__(self, file: BinaryIO, n: int) -> None:
        self._file = file
        self._place = np.zeros(n, np.int32)  # position in the file, which is in order of arrival
        self._count = 0

    def append(self, rows: RowNumbers, thumbnails: Thumbnails) -> None:
        """Add uint8 (len(rows), 32, 32)."""
        self._place[rows] = range(self._count, self._count + len(rows))
        self._count += len(rows)
        self._file.write(thumbnails.data)

    def __call__(self, rows: RowNumbers) -> Thumbnails:
        """Read uint8 (len(rows), 32, 32)."""
        self._file.flush()
        handle, size = self._file.fileno(), SIDE * SIDE
        content = b"".join(os.pread(handle, size, place * size) for place in self._place[rows].tolist())
        return np.frombuffer(content, np.uint8).reshape(len(rows), SIDE, SIDE)
