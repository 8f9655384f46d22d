"""Rows dealt out to parts: each with its share of every class, and no group cut."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def assign(labels: Ints, groups: Ints, shares: npt.NDArray[np.float64], rng: np.random.Generator) -> Ints:
    """Distribute rows over parts, so that each part has its share of every class and no group is cut.

    The heaviest groups go first, each to the part where it leaves the least squared distance from the wanted
    counts per class; groups of equal make-up are dealt out in one go, in random order, which is what makes 100,000
    rows quick and the result exact to a row where groups are small.

    Parameters
    ----------
    labels
        int64 (n,), 0..classes-1.
    groups
        int64 (n,), 0..groups-1.
    shares
        float64 (parts,), sum 1.

    Returns
    -------
    int64 (n,), 0..parts-1.
    """
    n_classes, n_groups = int(labels.max()) + 1, int(groups.max()) + 1
    counts = np.bincount(groups * n_classes + labels, minlength=n_groups * n_classes).reshape(n_groups, n_classes)
    kinds, kind_of = np.unique(counts, axis=0, return_inverse=True)
    members = np.split(np.argsort(kind_of, kind="stable"), np.cumsum(np.bincount(kind_of))[:-1])
    left = shares[:, None] * counts.sum(axis=0)  # rows that each part still wants, per class
    part_of = np.empty(n_groups, np.int64)
    for kind in np.lexsort((*kinds.T, -kinds.sum(axis=1))):
        shuffled = rng.permutation(members[kind])
        dealt = _deal(len(shuffled), kinds[kind], left, shares)
        part_of[shuffled] = np.repeat(np.arange(len(shares)), dealt)
        left -= dealt[:, None] * kinds[kind]
    part: Ints = part_of[groups]
    return part


def _deal(n: int, kind: Ints, left: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]) -> Ints:
    """How many of `n` groups with `kind` rows per class each part gets: by what it wants, whole groups, least error."""
    size = float((kind * kind).sum())
    wish = (left @ kind) / size  # groups of this kind that would meet a part's wants best, least squares
    wish = np.maximum(wish + (n - wish.sum()) * shares, 0)
    wish *= n / max(wish.sum(), 1e-12)
    dealt: Ints = np.floor(wish).astype(np.int64)
    for _ in range(n - int(dealt.sum())):
        dealt[int(np.argmax(wish - dealt))] += 1
    return dealt
