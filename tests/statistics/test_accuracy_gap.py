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
    # two rows, one correct answer: whichever row it falls on, the gap is 1
    assert gap_by_chance(np.array([1, 1]), 1, 20, np.random.default_rng(0)).tolist() == [1.0] * 20
    # two slices of two rows, two correct answers: they fall 2-0 or 0-2 in 2 of 6 ways, else 1-1
    gaps = gap_by_chance(np.array([2, 2]), 2, 20_000, np.random.default_rng(0))
    assert gaps.mean() == pytest.approx(1 / 3, abs=0.01)


def test_a_model_equally_accurate_on_all_slices_rarely_shows_a_gap():
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(200):
        correct, member = draw(rng, [0.85] * 6, 100)
        found += accuracy_gap(correct, member, np.arange(600), 100, rng).gap.low > 0
    assert found <= 12  # 2.5% of 200 is 5


def test_a_real_gap_is_detected_and_covered():
    rng = np.random.default_rng(2)
    detected = covered = 0
    for _ in range(100):
        correct, member = draw(rng, [0.9, 0.9, 0.7], 200)
        gap = accuracy_gap(correct, member, np.arange(600), 200, rng).gap
        detected += gap.low > 0
        covered += gap.low <= 0.2 <= gap.high
    assert detected >= 95
    assert covered >= 85


def test_rows_of_a_group_widen_the_interval():
    # 60 groups of ten equal rows hold much less information than 600 independent rows
    rng = np.random.default_rng(3)
    member = np.repeat(np.arange(2), 300)
    correct = np.repeat(rng.random(60) < np.repeat([0.95, 0.5], 30), 10)
    together = accuracy_gap(correct, member, np.arange(600) // 10, 500, np.random.default_rng(0)).gap
    apart = accuracy_gap(correct, member, np.arange(600), 500, np.random.default_rng(0)).gap
    assert together.high - together.low > 2 * (apart.high - apart.low)
