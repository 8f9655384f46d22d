"""Conformal prediction sets: by hand, and their coverage on new rows."""

import numpy as np

from facegender.decision.conformal import fit_quantile, prediction_sets, should_abstain


def test_the_quantile_by_hand():
    labels = np.array([True, True, True, False])
    scores = np.array([0.9, 0.7, 0.4, 0.2])  # 1 - p(label): 0.1 0.3 0.6 0.2
    # with 4 rows and an error of 0.4 it is the ceil(5 * 0.6) = 3rd smallest
    assert fit_quantile(labels, scores, 0.4) == 1 - 0.7
    assert fit_quantile(labels, scores, 0.1) == 1.0  # would need the 5th of 4 rows


def test_sets_by_hand():
    negative, positive = prediction_sets(np.array([0.1, 0.5, 0.95]), 0.3)
    assert negative.tolist() == [True, False, False]
    assert positive.tolist() == [False, False, True]
    assert [contained.tolist() for contained in prediction_sets(np.array([0.5]), 0.6)] == [[True], [True]]


def test_the_model_abstains_unless_the_set_is_the_predicted_label_alone():
    # an empty set
    predicted = np.array([True, False, True])
    assert should_abstain(np.array([0.5, 0.05, 0.99]), predicted, 0.3).tolist() == [True, False, False]
    # a set of both labels
    assert should_abstain(np.array([0.5, 0.05]), np.array([True, False]), 0.6).tolist() == [True, False]
    # a set of the other label: with a threshold of 0.99 the prediction is negative
    assert should_abstain(np.array([0.95]), np.array([False]), 0.3).tolist() == [True]


def test_sets_reach_their_coverage_on_new_rows():
    # for any model: here one that misjudges its own certainty
    rng = np.random.default_rng(3)

    def draw(n):
        scores = rng.random(n)
        return rng.random(n) < scores**2, scores

    covered = []
    for _ in range(200):
        quantile = fit_quantile(*draw(200), 0.1)
        labels, scores = draw(500)
        negative, positive = prediction_sets(scores, quantile)
        covered.append(np.where(labels, positive, negative).mean())
    assert 0.895 <= np.mean(covered) <= 0.91  # between 1 - error and 1 - error + 1 / (n + 1)
