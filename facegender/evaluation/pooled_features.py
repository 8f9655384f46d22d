"""One vector a picture: the cached features of the frozen backbone, pooled, some rows at a time."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from facegender.features.store import FeatureStore
from facegender.statistics.intervals import IntArray

Vectors = npt.NDArray[np.float32]  # one vector, or one a row

VECTORS_AT_ONCE: Final = 1024  # vectors in memory together: 18 MB at 4,480 numbers each
SIDE: Final = 7  # positions kept along each side, at most: as many as features have at the default cut


def pool(features: npt.NDArray[Any]) -> Vectors:
    """Average features with their mirror image; keep the height of a feature and its distance from the middle.

    A classifier's head averages over all positions. This early in a network, that loses much of what distinguishes
    faces: on 6,000 faces a logistic regression reaches 0.75 on the mean, 0.81 if heights are kept, 0.83 with both.

    Parameters
    ----------
    features
        (n, h, w, c), or (n, c) if they are pooled already.

    Returns
    -------
    float32 (n, min(h, 7) * ceil(min(w, 7) / 2) * c), or (n, c).
    """
    values = np.asarray(features, np.float32)
    if values.ndim == 2:
        return values
    values = _shrink(_shrink(values, 1), 2)
    half = (values.shape[2] + 1) // 2
    both = values[:, :, :half] + values[:, :, ::-1][:, :, :half]
    both /= 2
    return both.reshape(len(both), -1)


def _shrink(values: Vectors, axis: int) -> Vectors:
    """Average neighbouring positions so that at most SIDE are left."""
    length = values.shape[axis]
    if length <= SIDE:
        return values
    edges = np.linspace(0, length, SIDE + 1).astype(np.int64)
    sums = np.add.reduceat(values, edges[:-1], axis=axis)
    shape = [1] * values.ndim
    shape[axis] = SIDE
    return np.asarray(sums / np.diff(edges).reshape(shape), np.float32)


class Pooled:
    """The pooled features of a store's pictures (view 0: not augmented), read on request: memory stays bounded.

    mean, scale
        float32 (d,): mean and standard deviation over up to VECTORS_AT_ONCE evenly spaced rows; `standard` uses them.
    """

    def __init__(self, store: FeatureStore) -> None:
        self._view = store.views[0]
        self._n = self._view.count
        width = pool(np.zeros((1, *self._view.shape), np.float16)).shape[1]
        self.mean: Vectors = np.zeros(width, np.float32)
        self.scale: Vectors = np.ones(width, np.float32)
        sample = self.standard(np.unique(np.linspace(0, self._n - 1, min(VECTORS_AT_ONCE, self._n)).astype(np.int64)))
        self.mean = sample.mean(axis=0)
        self.scale = np.maximum(sample.std(axis=0), np.float32(1e-6))  # a dead ReLU6 channel has no deviation

    def __len__(self) -> int:
        return self._n

    def standard(self, rows: IntArray) -> Vectors:
        """Read and standardise rows: float32 (len(rows), d), each column with mean 0 and deviation 1, roughly."""
        values = np.empty((len(rows), len(self.mean)), np.float32)
        for start in range(0, len(rows), VECTORS_AT_ONCE):
            part = pool(self._view.read(rows[start : start + VECTORS_AT_ONCE]))
            part -= self.mean
            part /= self.scale
            values[start : start + len(part)] = part
        return values

    def chunks(self, rows: IntArray) -> Iterator[tuple[IntArray, Vectors]]:
        """Yield the rows, VECTORS_AT_ONCE at a time, with their standardised values."""
        for start in range(0, len(rows), VECTORS_AT_ONCE):
            part = rows[start : start + VECTORS_AT_ONCE]
            yield part, self.standard(part)


def nearest(pooled: Pooled, rows: IntArray, count: int) -> IntArray:
    """Find the most similar pictures for each of `rows`, by the cosine of their standardised values, nearest first.

    Returns
    -------
    int64 (len(rows), min(count, n - 1)); a row is never its own neighbour.
    """
    count = min(count, len(pooled) - 1)
    wanted = _unit(pooled.standard(rows))
    likeness = np.empty((len(rows), 0), np.float32)
    places = np.empty((len(rows), 0), np.int64)
    for part, values in pooled.chunks(np.arange(len(pooled))):
        found = wanted @ _unit(values).T
        found[rows[:, None] == part[None, :]] = -np.inf
        likeness = np.concatenate([likeness, found], axis=1)
        places = np.concatenate([places, np.broadcast_to(part, found.shape)], axis=1)
        best = np.argsort(-likeness, axis=1, kind="stable")[:, :count]
        likeness, places = np.take_along_axis(likeness, best, axis=1), np.take_along_axis(places, best, axis=1)
    return places


def _unit(values: Vectors) -> Vectors:
    """Scale each row to length 1."""
    lengths: Vectors = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(lengths, 1e-12), np.float32)
