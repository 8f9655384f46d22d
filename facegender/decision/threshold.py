"""From which probability on the positive class is answered: a number, or a rule that finds one on held rows."""

import re
from dataclasses import dataclass

import numpy as np

from facegender.params.sections import THRESHOLD_RULE
from facegender.statistics.intervals import FloatArray, IntArray
from facegender.statistics.metrics import BoolArray

Rule = float | str


@dataclass(frozen=True)
class Slices:
    """What `equal_error` makes alike.

    Attributes
    ----------
    member
        int64 (n,): the slice of each row, -1 for rows whose slice is too small to be compared.
    cost
        Balanced accuracy that may be given up.
    """

    member: IntArray
    cost: float

    def take(self, chosen: BoolArray | IntArray) -> "Slices":
        """Some of the rows."""
        return Slices(self.member[chosen], self.cost)


def sliced_column(rule: Rule) -> str | None:
    """The column that `equal_error(column)` names; None for every other rule."""
    found = re.fullmatch(r"equal_error\((.+)\)", rule) if isinstance(rule, str) else None
    return None if found is None else found[1].strip()


def choose_threshold(rule: Rule, positive: BoolArray, probabilities: FloatArray, slices: Slices | None = None) -> float:
    """The threshold that serves a rule best on some rows.

    `balanced_accuracy` and `f1` (of the positive class) are made as large as they get. `recall>=R` takes the highest
    threshold that still finds the share R of the positive rows, `precision>=P` the lowest that keeps that precision, or
    the most precise one where none does. `equal_error(column)` takes, of the thresholds whose balanced accuracy is
    within `slices.cost` of the best, the one with the smallest distance between the highest and the lowest share of
    wrong answers in a slice; one threshold for all: nobody's attribute is needed to answer. Where fewer than two
    slices can be compared it is `balanced_accuracy`. A number is the threshold itself; so is 0.5 where a class has no
    rows.

    Raises
    ------
    ValueError
        No such rule.
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
    candidates, true_positive, false_positive = _counts(positive, probabilities)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    recall = true_positive / positives
    precision = true_positive / (true_positive + false_positive)
    balanced = (recall + 1 - false_positive / negatives) / 2
    if rule == "balanced_accuracy":
        return _best(candidates, balanced)
    if sliced_column(rule) is not None:
        if slices is None or len(np.unique(slices.member[slices.member >= 0])) < 2:
            return _best(candidates, balanced)
        near = candidates[balanced >= balanced.max() - slices.cost - 1e-12]
        return _best(near, -error_spread(near, positive, probabilities, slices.member))
    if rule == "f1":
        return _best(candidates, 2 * true_positive / (true_positive + false_positive + positives))
    kind, floor = rule.split(">=")
    if kind == "recall":
        return float(candidates[recall >= float(floor)].max())
    reached = candidates[precision >= float(floor)]
    return float(reached.min()) if len(reached) else _best(candidates, precision)


def error_spread(
    thresholds: FloatArray, positive: BoolArray, probabilities: FloatArray, member: IntArray
) -> FloatArray:
    """float64 (t,): at each threshold the highest share of wrong answers in a slice less the lowest."""
    highest, lowest = np.full(len(thresholds), -np.inf), np.full(len(thresholds), np.inf)
    for number in np.unique(member[member >= 0]):
        here = member == number
        missed = np.sort(probabilities[here & positive])
        kept_out = np.sort(probabilities[here & ~positive])
        wrong = np.searchsorted(missed, thresholds) + len(kept_out) - np.searchsorted(kept_out, thresholds)
        share = wrong / here.sum()
        highest, lowest = np.maximum(highest, share), np.minimum(lowest, share)
    spread: FloatArray = highest - lowest
    return spread


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
