import numpy as np
import pytest
from scipy.stats import binomtest

from facegender.statistics.intervals import Estimate, bootstrap, group_weights, wilson


def mean_of(values):
    return lambda weights: {"mean": weights @ values / weights.sum(axis=1)}


def test_wilson_of_known_cases():
    # Newcombe 1998, table I, method 3 (score, without continuity correction)
    cases = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
    for successes, n, low, high in cases:
        interval = wilson(successes, n)
        assert interval.value == successes / n
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


def test_wilson_is_scipys():
    cases = [(k, n) for n in range(1, 40) for k in range(n + 1)]
    cases += [(k, n) for n in (1200, 10**6, 10**12) for k in (0, 1, n // 3, n // 2, n - 1, n)]
    for successes, n in cases:
        ours, theirs = wilson(successes, n), binomtest(successes, n).proportion_ci(method="wilson")
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-15)


def test_wilson_ends_exactly_at_0_and_1():
    assert wilson(0, 7).low == 0.0
    assert wilson(7, 7).high == 1.0


def test_wilson_of_nothing_is_undefined():
    assert wilson(0, 0) == Estimate(None, None, None, 0)


@pytest.mark.parametrize("successes", [-1, 6])
def test_wilson_refuses_impossible_counts(successes):
    with pytest.raises(ValueError, match="between 0 and n = 5"):
        wilson(successes, 5)


def test_wilson_covers_the_truth():
    rng = np.random.default_rng(1)
    hits = [wilson(int(rng.binomial(60, 0.85)), 60) for _ in range(1000)]
    covered = np.mean([i.low <= 0.85 <= i.high for i in hits])
    assert 0.93 <= covered <= 0.975  # 95%, with a standard error of 0.7% over 1,000 trials


def test_rows_of_a_group_are_drawn_together():
    groups = np.array([7, 7, 3, 9, 3])
    weights = np.concatenate(list(group_weights(groups, 50, np.random.default_rng(0))))
    assert weights.shape == (50, 5)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2] == weights[:, 4]).all()
    # three draws among the groups 7, 3 and 9
    assert (weights[:, 0] + weights[:, 2] + weights[:, 3] == 3).all()


def test_blocks_stay_small(monkeypatch):
    monkeypatch.setattr("facegender.statistics.intervals.MAX_CELLS", 30)
    blocks = list(group_weights(np.arange(10), 8, np.random.default_rng(0)))
    assert [len(block) for block in blocks] == [3, 3, 2]


def test_the_bootstrap_covers_a_mean():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(300):
        found = bootstrap(mean_of(rng.exponential(1.0, 100)), np.arange(100), 200, rng)["mean"]
        covered += found.low <= 1.0 <= found.high
    assert 0.89 <= covered / 300 <= 0.98  # percentile intervals of a skewed mean cover slightly less than 95%


def test_resampling_groups_widens_the_interval():
    # every row twice: half the information, so the interval is sqrt(2) times as wide as for independent rows
    rng = np.random.default_rng(3)
    values = np.repeat(rng.normal(size=200), 2)
    together = bootstrap(mean_of(values), np.repeat(np.arange(200), 2), 2000, np.random.default_rng(0))["mean"]
    apart = bootstrap(mean_of(values), np.arange(400), 2000, np.random.default_rng(0))["mean"]
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(2**0.5, rel=0.08)


def test_the_same_seed_gives_the_same_interval():
    values = np.arange(30.0)
    runs = [bootstrap(mean_of(values), np.arange(30), 100, np.random.default_rng(4))["mean"] for _ in range(2)]
    assert runs[0] == runs[1]


def test_an_undefined_statistic_has_no_interval():
    undefined = bootstrap(
        lambda weights: {"x": np.full(len(weights), np.nan)}, np.arange(4), 10, np.random.default_rng(0)
    )
    assert undefined["x"] == Estimate(None, None, None, 4)


def test_a_reflected_interval_is_mirrored_at_the_estimate_and_cut_at_zero():
    values = np.array([0.0, 0.0, 0.0, 1.0])
    statistic = mean_of(values)
    plain = bootstrap(statistic, np.arange(4), 500, np.random.default_rng(0))["mean"]
    mirrored = bootstrap(statistic, np.arange(4), 500, np.random.default_rng(0), reflected=("mean",))["mean"]
    # percentiles 0 and 0.75 around 0.25 become 2 * 0.25 - 0.75 < 0, cut, and 2 * 0.25 - 0
    assert (plain.low, plain.high) == (0.0, 0.75)
    assert (mirrored.low, mirrored.high) == (0.0, 0.5)


def test_figures_are_stored_with_six_decimals():
    assert Estimate(1 / 3, 0.1, None, 9).as_dict() == {"value": 0.333333, "low": 0.1, "high": None, "n": 9}
