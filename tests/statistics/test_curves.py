import numpy as np
import pytest

from facegender.statistics import curves
from facegender.statistics.metrics import JudgedRows


def rows_of(labels, probabilities):
    probabilities = np.asarray(probabilities, np.float64)
    return JudgedRows(np.asarray(labels, bool), probabilities, probabilities >= 0.5, np.arange(len(probabilities)))


def test_roc_by_hand():
    table = curves.roc(rows_of([1, 0, 1, 0], [0.9, 0.7, 0.4, 0.2]))
    # 0.9 finds one of two positives; 0.7 adds one of two negatives; 0.4 finds the second positive; 0.2 adds the rest
    assert table.to_numpy().tolist() == [[0, 0, 1.0], [0, 0.5, 0.9], [0.5, 0.5, 0.7], [0.5, 1, 0.4], [1, 1, 0.2]]


def test_precision_recall_by_hand():
    table = curves.precision_recall(rows_of([1, 0, 1], [0.9, 0.7, 0.4]))
    assert table.to_numpy() == pytest.approx(np.array([[1, 2 / 3, 0.4], [0.5, 0.5, 0.7], [0.5, 1, 0.9]]))


@pytest.mark.parametrize("labels", [[1, 1], [0, 0]])
def test_one_class_has_no_roc(labels):
    assert curves.roc(rows_of(labels, [0.2, 0.8])).empty


def test_no_positive_row_no_precision_recall():
    assert curves.precision_recall(rows_of([0, 0], [0.2, 0.8])).empty


def test_long_curves_are_thinned_and_keep_their_ends():
    rng = np.random.default_rng(0)
    rows = rows_of(rng.random(5000) < 0.5, rng.random(5000))
    table = curves.roc(rows)
    assert len(table) == curves.MAX_POINTS
    assert table.iloc[[0, -1], :2].to_numpy().tolist() == [[0, 0], [1, 1]]


def test_reliability_by_hand():
    table = curves.reliability(rows_of([0, 1, 1, 1], [0.1, 0.3, 0.8, 1.0]), 2)
    assert table[["probability", "observed", "n"]].to_numpy().tolist() == [[0.2, 0.5, 2], [0.9, 1.0, 2]]


def test_empty_bins_are_left_out():
    assert curves.reliability(rows_of([0, 1], [0.05, 0.95]), 10)["n"].tolist() == [1, 1]


def test_histogram_by_hand():
    table = curves.histogram(rows_of([0, 1, 1, 1], [0.1, 0.3, 0.8, 1.0]), 2)
    assert table.to_numpy().tolist() == [[0.0, 1, 1], [0.5, 0, 2]]


def test_coverage_and_risk_by_hand():
    scores = np.array([0.9, 0.6, 0.1, 0.4])
    rows = JudgedRows(np.array([True, True, False, True]), scores, scores >= 0.5, np.arange(4))
    table = curves.coverage_risk(rows, 0.5)
    # 0.9 and 0.1 are 0.4 away and both right; 0.6 and 0.4 are 0.1 away (0.4 wrong)
    assert table.round(6).to_numpy().tolist() in ([[0.5, 1.0], [1.0, 0.75]], [[0.5, 1.0], [0.75, 1.0], [1.0, 0.75]])


def test_a_long_curve_of_coverage_is_thinned():
    rng = np.random.default_rng(0)
    scores = rng.random(5000)
    table = curves.coverage_risk(JudgedRows(scores > 0.3, scores, scores > 0.5, np.arange(5000)), 0.5, points=50)
    assert len(table) == 50
    assert table["coverage"].iloc[-1] == 1.0
