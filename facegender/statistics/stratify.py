"""Stratified assignment of rows to parts, keeping groups together."""

import numpy as np

from facegender.statistics.intervals import FloatArray, IntArray


def assign(labels: IntArray, groups: IntArray, shares: FloatArray, rng: np.random.Generator) -> IntArray:
    """Assign rows to parts so that each part gets its share of every class and no group is split.

    The largest groups go first, each to the part where it minimises the squared distance from the wanted counts per
    class. Groups with the same counts per class are assigned together, in random order. That makes 100,000 rows fast,
    and exact to one row if groups are small.

    Parameters
    ----------
    labels
        int64 (n,), class of each row, 0..classes-1.
    groups
        int64 (n,), group of each row, 0..groups-1.
    shares
        float64 (parts,), wanted share of the rows for each part; they sum to 1.

    Returns
    -------
    int64 (n,), part of each row, 0..parts-1.

    Examples
    --------
    >>> labels, groups = np.array([0] * 40 + [1] * 60), np.arange(100)
    >>> part = assign(labels, groups, np.array([0.2, 0.8]), np.random.default_rng(0))
    >>> np.bincount(labels[part == 0]).tolist()
    [8, 12]
    """
    n_classes, n_groups = int(labels.max()) + 1, int(groups.max()) + 1
    counts = np.bincount(groups * n_classes + labels, minlength=n_groups * n_classes).reshape(n_groups, n_classes)
    kinds, kind_of = np.unique(counts, axis=0, return_inverse=True)
    members = np.split(np.argsort(kind_of, kind="stable"), np.cumsum(np.bincount(kind_of))[:-1])
    left = shares[:, None] * counts.sum(axis=0)  # rows that each part still needs, per class
    part_of = np.empty(n_groups, np.int64)
    for kind in np.lexsort((*kinds.T, -kinds.sum(axis=1))):
        shuffled = rng.permutation(members[kind])
        dealt = _deal(len(shuffled), kinds[kind], left, shares)
        part_of[shuffled] = np.repeat(np.arange(len(shares)), dealt)
        left -= dealt[:, None] * kinds[kind]
    part: IntArray = part_of[groups]
    return part


def _deal(n: int, kind: IntArray, left: FloatArray, shares: FloatArray) -> IntArray:
    """Divide `n` groups, each with `kind` rows per class, among the parts: int64 (parts,), sum n.

    `left`, float64 (parts, classes), is what each part still needs; the division minimises the squared error.
    """
    size = float((kind * kind).sum())
    wish = (left @ kind) / size  # least-squares number of such groups for each part's need
    wish = np.maximum(wish + (n - wish.sum()) * shares, 0)
    wish *= n / max(wish.sum(), 1e-12)
    dealt: IntArray = np.floor(wish).astype(np.int64)
    for _ in range(n - int(dealt.sum())):
        dealt[int(np.argmax(wish - dealt))] += 1
    return dealt
