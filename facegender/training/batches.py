"""Batches from the features cache or from the images, in an order that only the seed and the epoch decide."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facegender.features.store import View
from facegender.params.augment import AugmentParams
from facegender.pictures.augment import make_view
from facegender.pictures.decode import decode_validated

# inputs (b, ...), labels float32 (b, 1), weights float32 (b,)
Batch = tuple[npt.NDArray[Any], npt.NDArray[np.float32], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Rows:
    """The rows of one pass, in order: row numbers, labels, weights and views, each of shape (n,).

    The label of the positive class is 1.0.
    """

    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    views: npt.NDArray[np.int64]

    def shuffle(self, seed: int, epoch: int, views: int) -> "Rows":
        """Return the rows in the order of one epoch. Each row cycles through its views, from a random first one."""
        first = np.random.default_rng((seed, 0)).integers(views, size=len(self.rows))
        order = np.random.default_rng((seed, 1, epoch)).permutation(len(self.rows))
        view = (first + epoch) % views
        return Rows(self.rows[order], self.labels[order], self.weights[order], view[order])

    def balance(self, seed: int, epoch: int, views: int) -> "Rows":
        """Return as many rows in the order of one epoch, half of them from each class; an odd row is left out.

        The rows of each class form an endless series of permutations, from which every epoch takes the next part. The
        rarer class repeats more often, and no row repeats before all others of its class have been drawn.
        """
        first = np.random.default_rng((seed, 0)).integers(views, size=len(self.rows))
        half = len(self.rows) // 2
        drawn, view = [], []
        for label in (0, 1):
            members = np.flatnonzero(self.labels == label)
            round_of, position = np.divmod(np.arange(epoch * half, (epoch + 1) * half), len(members))
            for number in np.unique(round_of):
                permuted = np.random.default_rng((seed, 3, label, number)).permutation(members)
                rows = permuted[position[round_of == number]]
                drawn.append(rows)
                view.append((first[rows] + number) % views)
        order = np.random.default_rng((seed, 1, epoch)).permutation(2 * half)
        chosen = np.concatenate(drawn)[order]
        return Rows(self.rows[chosen], self.labels[chosen], self.weights[chosen], np.concatenate(view)[order])

    def count_rounds(self, epochs: int) -> int:
        """Return how often `balance` draws the most frequent row within `epochs` epochs."""
        rarest = min(int((self.labels == label).sum()) for label in (0, 1))
        return -(-epochs * (len(self.rows) // 2) // rarest)


class Batches(ABC):
    """One pass over some rows. Subclasses read a row's input; `workers` threads prepare batches."""

    def __init__(self, rows: Rows, batch_size: int, workers: int = 1) -> None:
        self.rows, self.batch_size, self.workers = rows, batch_size, workers

    def __len__(self) -> int:
        return -(-len(self.rows.rows) // self.batch_size)

    def __getitem__(self, batch: int) -> Batch:
        part = slice(batch * self.batch_size, (batch + 1) * self.batch_size)
        inputs = self.read_inputs(self.rows.rows[part], self.rows.views[part])
        return inputs, self.rows.labels[part, None], self.rows.weights[part]

    @abstractmethod
    def read_inputs(self, rows: npt.NDArray[np.int64], views: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Read the network's input for some rows."""


class FeatureBatches(Batches):
    """Cached features as float32 (b, ...). Views beyond those in `files` are the same views, mirrored."""

    def __init__(self, files: Sequence[View], rows: Rows, batch_size: int) -> None:
        super().__init__(rows, batch_size)
        self.files = files

    def read_inputs(self, rows: npt.NDArray[np.int64], views: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Read each row from its view's file."""
        out = np.empty((len(rows), *self.files[0].shape), np.float32)
        for view in np.unique(views):
            here = np.flatnonzero(views == view)
            mirrored, file = divmod(int(view), len(self.files))
            features = self.files[file].read(rows[here])
            out[here] = features[:, :, ::-1] if mirrored else features
        return out


@dataclass(frozen=True)
class PictureSource:
    """Where online mode finds its pictures, and how it augments them."""

    folder: Path
    names: Sequence[str]
    sha256: Sequence[str]
    size: int
    augment: AugmentParams
    seed: int


class ImageBatches(Batches):
    """Decoded and augmented pictures: uint8 (b, s, s, 3). A view's number seeds its augmentation; view 0 has none."""

    def __init__(self, pictures: PictureSource, rows: Rows, batch_size: int, workers: int) -> None:
        super().__init__(rows, batch_size, workers)
        self.pictures = pictures

    def read_inputs(self, rows: npt.NDArray[np.int64], views: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Decode each row's picture and augment it for its view."""
        source = self.pictures
        out = np.empty((len(rows), source.size, source.size, 3), np.uint8)
        for position, (row, view) in enumerate(zip(rows, views, strict=True)):
            pixels = decode_validated(source.folder, source.names[row], source.size)
            out[position] = make_view(pixels, source.augment, source.seed, source.sha256[row], int(view))
        return out
