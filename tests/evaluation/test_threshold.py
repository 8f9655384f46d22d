import numpy as np
import pytest
from sklearn import metrics as sk

from facegender.threshold import choose_threshold

#                  0.9   0.8   0.6   0.3   0.1
LABELS = np.array([True, False, True, True, False])
SCORES = np.array([0.9, 0.8, 0.6, 0.3, 0.1])


@pytest.mark.parametrize(
    ("rule", "threshold"),
    [
        (0.35, 0.35),
        # from 0.3 on all 3 positives are found and 1 of 2 negatives kept out: (1 + 1/2) / 2; midway down to 0.1
        ("balanced_accuracy", 0.2),
        ("f1", 0.2),  # 2 * 3 / (4 + 3)
        ("recall>=0.6", 0.45),  # two of three; midway between 0.6 and 0.3
        ("recall>=1", 0.2),
        ("precision>=0.75", 0.2),  # three of four, and no lower threshold keeps it
        ("precision>=0.9", 0.85),  # one of one
    ],
)
def test_by_hand(rule, threshold):
    assert choose_threshold(rule, LABELS, SCORES) == pytest.approx(threshold)


@pytest.mark.parametrize(
    ("rule", "score"), [("balanced_accuracy", sk.balanced_accuracy_score), ("f1", lambda a, b: sk.f1_score(a, b))]
)
def test_no_other_threshold_is_better(rule, score):
    rng = np.random.default_rng(0)
    labels = rng.random(300) < 0.3
    scores = np.clip(rng.normal(0.3 + 0.2 * labels, 0.2), 0, 1).round(2)
    chosen = score(labels, scores >= choose_threshold(rule, labels, scores))
    assert chosen == pytest.approx(max(score(labels, scores >= value) for value in np.unique(scores)))


def test_a_precision_out_of_reach_gives_the_most_precise():
    assert choose_threshold("precision>=1", np.array([False, True, True]), np.array([0.9, 0.6, 0.3])) == 0.15


def test_one_class_alone_teaches_nothing():
    assert choose_threshold("f1", np.array([True, True]), np.array([0.2, 0.3])) == 0.5


@pytest.mark.parametrize("rule", ["accuracy", "recall>=2", "recall=0.9", "recall>=0.9x"])
def test_other_rules_are_refused(rule):
    with pytest.raises(ValueError, match="the rule must be"):
        choose_threshold(rule, LABELS, SCORES)
