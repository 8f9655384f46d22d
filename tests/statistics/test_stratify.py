"""Assignment meets shares, classes and groups at the same time."""

import time

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from facegender.statistics.intervals import IntArray
from facegender.statistics.stratify import assign


def alone(labels: list[int]) -> tuple[IntArray, IntArray]:
    return np.array(labels), np.arange(len(labels))


def counts(part: IntArray, labels: IntArray) -> list[list[int]]:
    return pd.crosstab(part, labels).to_numpy().tolist()


def faces(n: int, seed: int = 0) -> tuple[IntArray, IntArray]:
    """Sample rows, 40% of class 0, in groups of 1 to 6 rows of which nine in ten have the group's label."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n), rng.integers(1, 7, n))[:n]
    kind = rng.random(n) > 0.4
    labels = np.where(rng.random(n) < 0.9, kind[groups], ~kind[groups]).astype(np.int64)
    return labels, groups


def test_single_rows_meet_the_shares_exactly() -> None:
    labels, groups = alone([0] * 40 + [1] * 60)
    part = assign(labels, groups, np.array([0.2, 0.8]), np.random.default_rng(0))
    assert counts(part, labels) == [[8, 12], [32, 48]]


def test_shares_that_do_not_divide_are_met_within_a_row() -> None:
    labels, groups = alone([0] * 11 + [1] * 14)
    part = assign(labels, groups, np.full(3, 1 / 3), np.random.default_rng(0))
    for row in counts(part, labels):
        assert row[0] in (3, 4)  # 11 / 3 = 3.67
        assert row[1] in (4, 5)  # 14 / 3 = 4.67


def test_three_parts_of_different_size() -> None:
    labels, groups = alone([0] * 50 + [1] * 50)
    part = assign(labels, groups, np.array([0.1, 0.2, 0.7]), np.random.default_rng(0))
    assert counts(part, labels) == [[5, 5], [10, 10], [35, 35]]


def test_no_group_is_split_and_small_groups_balance() -> None:
    labels, groups = faces(5_000)
    part = assign(labels, groups, np.array([0.2, 0.8]), np.random.default_rng(0))
    assert pd.Series(part).groupby(groups).nunique().max() == 1
    for label in (0, 1):
        assert abs((part[labels == label] == 0).sum() - 0.2 * (labels == label).sum()) <= 1


def test_a_heavy_group_goes_where_there_is_room() -> None:
    """A group with a third of all rows does not fit into the part of a fifth, which is still filled."""
    labels = np.array([0, 1] * 150)
    groups = np.r_[np.zeros(100, np.int64), np.arange(1, 201)]
    part = assign(labels, groups, np.array([0.2, 0.8]), np.random.default_rng(0))
    assert (part[:100] == 1).all()
    assert counts(part, labels)[0] == [30, 30]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("folds", [2, 5, 10])
def test_balance_is_no_worse_than_scikit_learns(seed: int, folds: int) -> None:
    labels, groups = faces(2_000, seed)
    ours = assign(labels, groups, np.full(folds, 1 / folds), np.random.default_rng(seed))
    theirs = np.empty(len(labels), np.int64)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for fold, (_, rows) in enumerate(splitter.split(labels, labels, groups)):
        theirs[rows] = fold

    def imbalance(part: IntArray) -> float:
        return float(np.array(counts(part, labels)).std(axis=0).max())

    assert imbalance(ours) <= imbalance(theirs) + 1e-9
    assert imbalance(ours) < 1.0  # rows


def test_the_seed_decides_the_assignment() -> None:
    labels, groups = faces(1_000)
    one, again, other = (assign(labels, groups, np.array([0.2, 0.8]), np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_hundred_thousand_rows_are_fast() -> None:
    labels, groups = faces(100_000)
    start = time.process_time()
    assign(labels, groups, np.full(5, 0.2), np.random.default_rng(0))
    assert time.process_time() - start < 5  # about 0.1 s
