"""Choose the threshold: the lowest probability that is answered with the positive class.

A rule is a number, or names a criterion to optimise on held-out rows. The rules:

- a number: the threshold itself.
- `balanced_accuracy`, `f1` (of the positive class): maximise it.
- `recall>=R`: the highest threshold with at least recall R of the positive class.
- `precision>=P`: the lowest threshold with at least precision P, or the most precise one if none has it.
- `equal_error(column)`: among the thresholds whose balanced accuracy is within `slices.cost` of the best, the one
  with the smallest difference between the highest and the lowest error rate of a slice. All slices share that
  threshold, so no attribute is needed to answer. With fewer than two slices to compare, `balanced_accuracy`.
"""

import re
from dataclasses import dataclass

import numpy as np

from facegender.params.sections import THRESHOLD_RULE
from facegender.statistics.intervals import FloatArray, IntArray
from facegender.statistics.metrics import BoolArray

Rule = float | str


@dataclass(frozen=True)
class Slices:
    """The slices whose error rates the rule `equal_error` equalises.

    Attributes
    ----------
    member
        int64 (n,): slice number of each row; -1 if the slice is too small to be compared.
    cost
        Balanced accuracy that the rule may give up, in [0, 1].
    """

    member: IntArray
    cost: float

    def select(self, chosen: BoolArray | IntArray) -> "Slices":
        """Select rows by mask or by position."""
        return Slices(self.member[chosen], self.cost)


def sliced_column(rule: Rule) -> str | None:
    """Return the column that `equal_error(column)` names; None for any other rule.

    Examples
    --------
    >>> sliced_column("equal_error(age)")
    'age'
    """
    found = re.fullmatch(r"equal_error\((.+)\)", rule) if isinstance(rule, str) else None
    return None if found is None else found[1].strip()


def choose_threshold(rule: Rule, positive: BoolArray, probabilities: FloatArray, slices: Slices | None = None) -> float:
    """Find the threshold that meets a rule of this module best on some rows.

    If a class has no rows, every rule but a number gives 0.5.

    Parameters
    ----------
    positive
        bool (n,): True where the label is the positive class.
    probabilities
        float64 (n,): calibrated probabilities of the positive class.
    slices
        The slices of the same rows; only `equal_error` uses them.

    Raises
    ------
    ValueError
        There is no such rule.

    Examples
    --------
    >>> positive = np.array([True, False, True, True, False])
    >>> probabilities = np.array([0.9, 0.8, 0.6, 0.3, 0.1])
    >>> round(choose_threshold("recall>=0.6", positive, probabilities), 2)  # finds 0.9 and 0.6: 2 of 3
    0.45
    """
    if not isinstance(rule, str):
        return float(rule)
    if re.fullmatch(THRESHOLD_RULE, rule) is None:
        raise ValueError(
            "the rule must be balanced_accuracy, f1, recall>=R, precision>=P or equal_error(column). "
            f"Received: {rule!r}."
        )
    if positive.all() or not positive.any():
        return 0.5
    candidates, true_positive, false_positive = _count_by_threshold(positive, probabilities)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    recall = true_positive / positives
    precision = true_positive / (true_positive + false_positive)
    balanced = (recall + 1 - false_positive / negatives) / 2
    if rule == "balanced_accuracy":
        return _find_best(candidates, balanced)
    if sliced_column(rule) is not None:
        if slices is None or len(np.unique(slices.member[slices.member >= 0])) < 2:
            return _find_best(candidates, balanced)
        near = candidates[balanced >= balanced.max() - slices.cost - 1e-12]
        return _find_best(near, -error_spread(near, positive, probabilities, slices.member))
    if rule == "f1":
        return _find_best(candidates, 2 * true_positive / (true_positive + false_positive + positives))
    kind, floor = rule.split(">=")
    if kind == "recall":
        return float(candidates[recall >= float(floor)].max())
    reached = candidates[precision >= float(floor)]
    return float(reached.min()) if len(reached) else _find_best(candidates, precision)


def error_spread(
    thresholds: FloatArray, positive: BoolArray, probabilities: FloatArray, member: IntArray
) -> FloatArray:
    """Return, for each threshold, the highest error rate of a slice minus the lowest: float64 (t,)."""
    highest, lowest = np.full(len(thresholds), -np.inf), np.full(len(thresholds), np.inf)
    for number in np.unique(member[member >= 0]):
        here = member == number
        positives = np.sort(probabilities[here & positive])
        negatives = np.sort(probabilities[here & ~positive])
        missed = np.searchsorted(positives, thresholds)
        wrong = missed + len(negatives) - np.searchsorted(negatives, thresholds)
        share = wrong / here.sum()
        highest, lowest = np.maximum(highest, share), np.minimum(lowest, share)
    spread: FloatArray = highest - lowest
    return spread


def _count_by_threshold(positive: BoolArray, probabilities: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return thresholds in descending order, and the number of true and of false positives at each: float64 (t,).

    A threshold lies midway between each distinct probability and the next lower one, or 0.
    """
    order = np.argsort(-probabilities, kind="stable")
    ranked, hits = probabilities[order], positive[order].astype(np.float64)
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    below = np.append(ranked[last[1:]], 0.0)
    called = last + 1.0
    true_positive = np.cumsum(hits)[last]
    return (ranked[last] + below) / 2, true_positive, called - true_positive


def _find_best(candidates: FloatArray, scores: FloatArray) -> float:
    """Return the candidate with the highest score; of several, the one nearest to 0.5."""
    top = candidates[scores >= scores.max() - 1e-12]
    return float(top[np.argmin(np.abs(top - 0.5))])
