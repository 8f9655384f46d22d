import numpy as np

from facegender.decision.conformal import abstains, fit_quantile, sets


def test_the_quantile_by_hand():
    labels = np.array([True, True, True, False])
    scores = np.array([0.9, 0.7, 0.4, 0.2])  # 1 - p(label): 0.1 0.3 0.6 0.2
    # of 4 rows at error 0.4 the ceil(5 * 0.6) = 3rd smallest
    assert fit_quantile(labels, scores, 0.4) == 1 - 0.7
    assert fit_quantile(labels, scores, 0.1) == 1.0  # would want the 5th of 4 rows


def test_sets_by_hand():
    negative, positive = sets(np.array([0.1, 0.5, 0.95]), 0.3)
    assert negative.tolist() == [True, False, False]
    assert positive.tolist() == [False, False, True]
    assert [held.tolist() for held in sets(np.array([0.5]), 0.6)] == [[True], [True]]


def test_an_empty_set_one_of_both_labels_and_one_of_the_other_label_are_no_answer():
    assert abstains(np.array([0.5, 0.05, 0.99]), np.array([True, False, True]), 0.3).tolist() == [True, False, False]
    assert abstains(np.array([0.5, 0.05]), np.array([True, False]), 0.6).tolist() == [True, False]
    # threshold 0.99: the prediction is negative, the set says positive
    assert abstains(np.array([0.95]), np.array([False]), 0.3).tolist() == [True]


def test_sets_keep_their_promise_on_new_rows():
    # whatever the model: here one that is wrong about its own certainty
    rng = np.random.default_rng(3)

    def draw(n):
        scores = rng.random(n)
        return rng.random(n) < scores**2, scores

    held = []
    for _ in range(200):
        quantile = fit_quantile(*draw(200), 0.1)
        labels, scores = draw(500)
        negative, positive = sets(scores, quantile)
        held.append(np.where(labels, positive, negative).mean())
    assert 0.895 <= np.mean(held) <= 0.91  # between 1 - error and 1 - error + 1 / (n + 1)
