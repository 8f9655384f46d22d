"""From which probability on the positive class is answered: a number, or a rule that finds one on held rows."""

import re

import numpy as np

from facegender.intervals import FloatArray
from facegender.metrics import BoolArray
from facegender.params import THRESHOLD_RULE

Rule = float | str


def choose_threshold(rule: Rule, positive: BoolArray, probabilities: FloatArray) -> float:
    """The threshold that serves a rule best on some rows.

    `balanced_accuracy` and `f1` (of the positive class) are made as large as they get. `recall>=R` takes the highest
    threshold that still finds the share R of the positive rows, `precision>=P` the lowest that keeps that precision, or
    the most precise one where none does. A number is the threshold itself; so is 0.5 where a class has no rows.

    Raises
    ------
    ValueError
        No such rule.
    """
    if not isinstance(rule, str):
        return float(rule)
    if re.fullmatch(THRESHOLD_RULE, rule) is None:
        raise ValueError(f"the rule must be balanced_accuracy, f1, recall>=R or precision>=P. Received: {rule!r}.")
    if positive.all() or not positive.any():
        return 0.5
    candidates, true_positive, false_positive = _counts(positive, probabilities)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    recall = true_positive / positives
    precision = true_positive / (true_positive + false_positive)
    if rule == "balanced_accuracy":
        return _best(candidates, recall + 1 - false_positive / negatives)
    if rule == "f1":
        return _best(candidates, 2 * true_positive / (true_positive + false_positive + positives))
    kind, floor = rule.split(">=")
    if kind == "recall":
        return float(candidates[recall >= float(floor)].max())
    reached = candidates[precision >= float(floor)]
    return float(reached.min()) if len(reached) else _best(candidates, precision)


def _counts(positive: BoolArray, probabilities: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Thresholds in falling order, midway below each distinct probability, and who lies on or above each."""
    order = np.argsort(-probabilities, kind="stable")
    ranked, hits = probabilities[order], positive[order].astype(np.float64)
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    below = np.append(ranked[last[1:]], 0.0)
    called = last + 1.0
    true_positive = np.cumsum(hits)[last]
    return (ranked[last] + below) / 2, true_positive, called - true_positive


def _best(candidates: FloatArray, scores: FloatArray) -> float:
    """Of the thresholds with the highest score, the one nearest to 0.5."""
    top = candidates[scores >= scores.max() - 1e-12]
    return float(top[np.argmin(np.abs(top - 0.5))])
