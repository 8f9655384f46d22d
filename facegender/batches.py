"""Batches for Keras, from the features cache or from the images, in an order that the seed and the epoch fix."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from facegender.augment import view_of
from facegender.decode import decode_validated
from facegender.params import AugmentParams
from facegender.store import View

Batch = tuple[npt.NDArray[Any], npt.NDArray[np.float32], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Rows:
    """What one pass reads: row numbers, their labels, weights and views; each of shape (n,), in order.

    Labels are 1.0 for the positive class.
    """

    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    views: npt.NDArray[np.int64]

    def as_they_are(self) -> "Rows":
        """The same rows in view 0."""
        return Rows(self.rows, self.labels, self.weights, np.zeros_like(self.views))

    def shuffled(self, seed: int, epoch: int, views: int) -> "Rows":
        """The order of one epoch. Each row goes through its `views` views in turn, from a starting view of its own."""
        first = np.random.default_rng((seed, 0)).integers(views, size=len(self.rows))
        order = np.random.default_rng((seed, 1, epoch)).permutation(len(self.rows))
        view = (first + epoch) % views
        return Rows(self.rows[order], self.labels[order], self.weights[order], view[order])


class Batches(keras.utils.PyDataset):
    """One pass over some rows. Subclasses say what a row's input is."""

    def __init__(self, rows: Rows, batch_size: int, workers: int = 1) -> None:
        super().__init__(workers=workers, use_multiprocessing=False, max_queue_size=4 * workers)
        self.rows, self.batch_size = rows, batch_size

    def __len__(self) -> int:
        return -(-len(self.rows.rows) // self.batch_size)

    def __getitem__(self, batch: int) -> Batch:
        part = slice(batch * self.batch_size, (batch + 1) * self.batch_size)
        inputs = self.inputs(self.rows.rows[part], self.rows.views[part])
        return inputs, self.rows.labels[part, None], self.rows.weights[part]

    def inputs(self, rows: npt.NDArray[np.int64], views: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """The network's input for some rows."""
        raise NotImplementedError


class FeatureBatches(Batches):
    """Cached features, widened: float32 (b, ...)."""

    def __init__(self, files: Sequence[View], rows: Rows, batch_size: int) -> None:
        super().__init__(rows, batch_size)
        self.files = files

    def inputs(self, rows: npt.NDArray[np.int64], views: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Each row from its view's file."""
        out = np.empty((len(rows), *self.files[0].shape), np.float32)
        for view in np.unique(views):
            here = np.flatnonzero(views == view)
            out[here] = self.files[view].read(rows[here])
        return out


@dataclass(frozen=True)
class Pictures:
    """Where online mode finds its pictures, and what it does to them."""

    folder: Path
    names: Sequence[str]
    sha256: Sequence[str]
    size: int
    augment: AugmentParams
    seed: int


class ImageBatches(Batches):
    """Decoded and augmented pictures: uint8 (b, s, s, 3). A view's number seeds its augmentation; 0 is none."""

    def __init__(self, pictures: Pictures, rows: Rows, batch_size: int, workers: int) -> None:
        super().__init__(rows, batch_size, workers)
        self.pictures = pictures

    def inputs(self, rows: npt.NDArray[np.int64], views: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Each row's picture in its view."""
        source = self.pictures
        out = np.empty((len(rows), source.size, source.size, 3), np.uint8)
        for position, (row, view) in enumerate(zip(rows, views, strict=True)):
            pixels = decode_validated(source.folder, source.names[row], source.size)
            out[position] = view_of(pixels, source.augment, source.seed, source.sha256[row], int(view))
        return out
