import time
import tracemalloc

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from facegender.statistics.calibration_error import bin_numbers
from facegender.statistics.metrics import (
    Confusion,
    JudgedRows,
    WeightedMetrics,
    calibration_error_by_chance,
    confusion,
    measure,
    proportions,
)
from tests.calibration_error import expected_calibration_error


def rows_of(labels, probabilities, threshold=0.5, groups=None):
    probabilities = np.asarray(probabilities, np.float64)
    groups = np.arange(len(probabilities)) if groups is None else np.asarray(groups)
    return JudgedRows(np.asarray(labels, bool), probabilities, probabilities >= threshold, groups)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    labels = rng.random(400) < 0.4
    # two decimals: many ties
    return rows_of(labels, np.clip(rng.normal(0.35 + 0.3 * labels, 0.2), 0, 1).round(2))


def test_counts_by_hand():
    # labels 1 1 1 0 0; predicted 1 1 0 1 0
    assert confusion(rows_of([1, 1, 1, 0, 0], [0.9, 0.5, 0.4, 0.7, 0.1])) == Confusion(2, 1, 1, 1)


def test_proportions_by_hand():
    found = proportions(Confusion(true_positive=2, false_positive=1, false_negative=1, true_negative=1))
    assert {name: (estimate.value, estimate.n) for name, estimate in found.items()} == {
        "accuracy": (3 / 5, 5),
        "negative.precision": (1 / 2, 2),
        "negative.recall": (1 / 2, 2),
        "positive.precision": (2 / 3, 3),
        "positive.recall": (2 / 3, 3),
    }


def test_a_class_that_is_never_predicted_has_no_precision():
    found = proportions(Confusion(true_positive=0, false_positive=0, false_negative=3, true_negative=5))
    assert found["positive.precision"].value is None
    assert found["positive.recall"].value == 0.0


def test_every_figure_agrees_with_scikit_learn(rows):
    found = {name: estimate.value for name, estimate in measure(rows, 10, 20, np.random.default_rng(0)).items()}
    labels, scores, predicted = rows.positive, rows.probabilities, rows.predicted
    expected = {
        "accuracy": sk.accuracy_score(labels, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, predicted),
        "positive.precision": sk.precision_score(labels, predicted),
        "positive.recall": sk.recall_score(labels, predicted),
        "positive.f1": sk.f1_score(labels, predicted),
        "negative.precision": sk.precision_score(labels, predicted, pos_label=False),
        "negative.recall": sk.recall_score(labels, predicted, pos_label=False),
        "negative.f1": sk.f1_score(labels, predicted, pos_label=False),
        "roc_auc": sk.roc_auc_score(labels, scores),
        "average_precision": sk.average_precision_score(labels, scores),
        "log_loss": sk.log_loss(labels, scores.astype(np.float32)),
        "brier": sk.brier_score_loss(labels, scores),
    }
    own = {"expected_calibration_error", "calibration_error_by_chance"}  # checked below
    assert found.keys() == expected.keys() | own
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-6)


def test_integer_weights_equal_repeated_rows(rows):
    times = np.random.default_rng(1).integers(0, 4, len(rows))
    repeated = rows.by_probability().take(np.repeat(np.arange(len(rows)), times))
    weighted = WeightedMetrics(rows, 10)(times[None, :].astype(np.float64))
    whole = WeightedMetrics(repeated, 10)(np.ones((1, len(repeated))))
    # resampling keeps the bins of the original rows
    del weighted["expected_calibration_error"], whole["expected_calibration_error"]
    assert {name: column[0] for name, column in weighted.items()} == pytest.approx(
        {name: column[0] for name, column in whole.items()}, rel=1e-12
    )


def test_calibration_error_by_hand():
    # two bins of two: {0.2, 0.4} mean 0.3, none positive: off by 0.3; {0.8, 0.9} mean 0.85, one of two: off by 0.35
    rows = rows_of([0, 0, 0, 1], [0.2, 0.4, 0.8, 0.9])
    assert expected_calibration_error(rows.positive, rows.probabilities, 2) == pytest.approx((0.3 + 0.35) / 2)
    found = WeightedMetrics(rows, 2)(np.ones((1, 4)))["expected_calibration_error"]
    assert found == pytest.approx((0.3 + 0.35) / 2)


def test_equal_probabilities_share_a_bin():
    assert bin_numbers(np.array([0.1, 0.5, 0.5, 0.5, 0.5, 0.9]), 3).tolist() == [0, 0, 0, 0, 0, 2]
    assert bin_numbers(np.array([0.1, 0.2]), 15).tolist() == [0, 14]  # more bins than rows leave empty ones


def test_calibration_error_against_scikit_learns_bins(rows):
    # no ties: the two may assign a value on a bin's edge differently
    scores = np.clip(rows.probabilities + np.random.default_rng(3).uniform(0, 0.009, len(rows)), 0, 1)
    observed, mean = calibration_curve(rows.positive, scores, n_bins=10, strategy="quantile")
    counts = np.full(10, 40)
    expected = np.sum(counts[counts > 0] * np.abs(observed - mean)) / len(rows)
    assert expected_calibration_error(rows.positive, scores, 10) == pytest.approx(expected)
    shifted = JudgedRows(rows.positive, scores, rows.predicted, rows.groups)
    weighted = WeightedMetrics(shifted, 10)(np.ones((1, len(rows))))
    assert weighted["expected_calibration_error"][0] == pytest.approx(expected)


def test_auc_by_hand():
    # positives 0.4, 0.8; negatives 0.4, 0.1: of four pairs three in order and one tied
    found = measure(rows_of([1, 1, 0, 0], [0.4, 0.8, 0.4, 0.1]), 5, 10, np.random.default_rng(0))
    assert found["roc_auc"].value == 3.5 / 4


def test_metrics_that_need_both_classes_are_undefined_for_one():
    found = measure(rows_of([1, 1, 1], [0.4, 0.8, 0.9]), 5, 10, np.random.default_rng(0))
    assert found["roc_auc"].value is None
    assert found["balanced_accuracy"].value is None
    assert found["accuracy"].value == 2 / 3
    assert found["negative.recall"].value is None


def test_n_is_the_number_of_rows_behind_a_figure():
    found = measure(rows_of([1, 1, 1, 0, 0], [0.9, 0.5, 0.4, 0.7, 0.1]), 5, 10, np.random.default_rng(0))
    assert {name: found[name].n for name in ("roc_auc", "positive.f1", "negative.f1", "positive.precision")} == {
        "roc_auc": 5,
        "positive.f1": 3,
        "negative.f1": 2,
        "positive.precision": 3,
    }


def test_extreme_probabilities_have_a_finite_log_loss():
    found = measure(rows_of([1, 0], [0.0, 1.0]), 5, 10, np.random.default_rng(0))
    assert found["log_loss"].value == pytest.approx(15.9424, abs=1e-4)  # -log(2**-23), float32's resolution


def test_intervals_cover_the_truth():
    # the truth: the same process with a million rows
    def draw(rng, n):
        labels = rng.random(n) < 0.5
        return rows_of(labels, 1 / (1 + np.exp(-rng.normal(np.where(labels, 1.0, -1.0), 1.2))))

    rng = np.random.default_rng(7)
    truth = WeightedMetrics(draw(rng, 1_000_000), 10)(np.ones((1, 1_000_000)))
    names = ("roc_auc", "balanced_accuracy", "log_loss", "brier", "positive.f1", "negative.f1", "average_precision")
    covered = dict.fromkeys(names, 0)
    for _ in range(200):
        found = measure(draw(rng, 150), 10, 150, rng)
        for name in names:
            covered[name] += found[name].low <= truth[name][0] <= found[name].high
    # 95% of 200 is 190; 0.88 to 0.99 allows for the percentile method on small samples and the noise of 200 trials
    assert {name: count for name, count in covered.items() if not 176 <= count <= 198} == {}


def test_the_calibration_errors_interval_reaches_down_to_a_calibrated_model():
    # labels drawn from the probabilities themselves: the true error is 0, and every finite sample shows more
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(100):
        scores = rng.random(400)
        found = measure(rows_of(rng.random(400) < scores, scores), 10, 200, rng)["expected_calibration_error"]
        assert found.value > 0
        covered += found.low == 0
    assert covered >= 94


def test_the_calibration_errors_interval_covers_a_miscalibrated_model():
    # logits 1.7 times too large; a million rows give the true error
    def draw(rng, n):
        logits = rng.normal(0, 2.5, n)
        return rows_of(rng.random(n) < 1 / (1 + np.exp(-logits / 1.7)), 1 / (1 + np.exp(-logits)))

    rng = np.random.default_rng(9)
    many = draw(rng, 1_000_000)
    truth = expected_calibration_error(many.positive, many.probabilities, 15)
    found = [measure(draw(rng, 600), 15, 150, rng)["expected_calibration_error"] for _ in range(100)]
    assert sum(one.low <= truth <= one.high for one in found) >= 82


def test_calibration_error_by_chance_falls_with_the_root_of_n():
    rng = np.random.default_rng(10)
    few, many = (calibration_error_by_chance(rng.random(n), 10, 300, rng).mean() for n in (400, 6400))
    assert few / many == pytest.approx(4, rel=0.1)
    # one bin: the mean of |share - p| over labels drawn with p = 1/2, sqrt(2 / (pi n)) / 2
    halves = calibration_error_by_chance(np.full(400, 0.5), 1, 2000, rng)
    assert halves.mean() == pytest.approx(np.sqrt(2 / (np.pi * 400)) / 2, rel=0.05)


def test_a_thousand_resamples_of_1200_rows_take_about_a_second():
    rng = np.random.default_rng(0)
    labels = rng.random(1200) < 0.5
    rows = rows_of(labels, rng.random(1200))
    start = time.process_time()
    measure(rows, 15, 1000, rng)
    assert time.process_time() - start < 5  # 0.3 s on a quiet machine


def test_memory_stays_bounded_at_a_hundred_thousand_rows():
    rng = np.random.default_rng(0)
    rows = rows_of(rng.random(100_000) < 0.5, rng.random(100_000))
    tracemalloc.start()
    measure(rows, 15, 60, rng)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 60 resamples at once would take 48 MB per array; blocks of 20 take 16 MB, and about ten arrays exist at a time
    assert peak < 250e6
