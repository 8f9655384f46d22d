import numpy as np
import pytest

from facegender.statistics.accuracy_gap import accuracy_gap, gap_by_chance


def draw(rng, shares, each):
    member = np.repeat(np.arange(len(shares)), each)
    return rng.random(len(member)) < np.asarray(shares)[member], member


def test_by_hand():
    correct = np.array([1, 1, 1, 0, 1, 0, 0, 0], bool)
    found = accuracy_gap(correct, np.array([0, 0, 0, 0, 1, 1, 1, 1]), np.arange(8), 50, np.random.default_rng(0))
    assert (found.worst, found.best, found.gap.value, found.gap.n) == (1, 0, 0.5, 8)


def test_chance_by_hand():
    # two rows, one right answer: whoever gets it, the gap is 1
    assert gap_by_chance(np.array([1, 1]), 1, 20, np.random.default_rng(0)).tolist() == [1.0] * 20
    # two slices of two rows, two right answers: dealt 2-0 or 0-2 in 2 of 6 ways, else 1-1
    gaps = gap_by_chance(np.array([2, 2]), 2, 20_000, np.random.default_rng(0))
    assert gaps.mean() == pytest.approx(1 / 3, abs=0.01)


def test_a_model_that_serves_all_alike_is_seldom_accused():
    rng = np.random.default_rng(1)
    accused = 0
    for _ in range(200):
        correct, member = draw(rng, [0.85] * 6, 100)
        accused += accuracy_gap(correct, member, np.arange(600), 100, rng).gap.low > 0
    assert accused <= 12  # 2.5% of 200 is 5


def test_a_real_gap_is_seen_and_covered():
    rng = np.random.default_rng(2)
    seen = covered = 0
    for _ in range(100):
        correct, member = draw(rng, [0.9, 0.9, 0.7], 200)
        gap = accuracy_gap(correct, member, np.arange(600), 200, rng).gap
        seen += gap.low > 0
        covered += gap.low <= 0.2 <= gap.high
    assert seen >= 95
    assert covered >= 85


def test_rows_of_a_group_widen_the_interval():
    # 60 groups of ten equal rows: far less is known than of 600 rows
    rng = np.random.default_rng(3)
    member = np.repeat(np.arange(2), 300)
    correct = np.repeat(rng.random(60) < np.repeat([0.95, 0.5], 30), 10)
    together = accuracy_gap(correct, member, np.arange(600) // 10, 500, np.random.default_rng(0)).gap
    apart = accuracy_gap(correct, member, np.arange(600), 500, np.random.default_rng(0)).gap
    assert together.high - together.low > 2 * (apart.high - apart.low)
