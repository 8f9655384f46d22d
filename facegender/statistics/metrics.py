"""Metrics of a binary classifier, computed from arrays: each with n and a 95% interval. Opens no file."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from facegender.statistics.calibration_error import bin_starts, calibration_error_by_chance, extend_to_zero
from facegender.statistics.intervals import Estimate, FloatArray, IntArray, bootstrap, wilson

BoolArray = npt.NDArray[np.bool_]

CLIP: Final = float(np.finfo(np.float32).eps)  # keeps the log loss of 0 and 1 finite, as scikit-learn does in float32


@dataclass(frozen=True)
class JudgedRows:
    """Predictions for n rows, with their true labels.

    Attributes
    ----------
    positive
        bool (n,): True where the label is the positive class.
    probabilities
        float64 (n,) in [0, 1]: probability of the positive class.
    predicted
        bool (n,): True where the positive class was predicted.
    groups
        int64 (n,): group number. JudgedRows of one group are not independent of each other.
    """

    positive: BoolArray
    probabilities: FloatArray
    predicted: BoolArray
    groups: IntArray

    def __len__(self) -> int:
        return len(self.positive)

    def take(self, chosen: BoolArray | IntArray) -> "JudgedRows":
        """Select rows by mask or by position."""
        return JudgedRows(
            self.positive[chosen], self.probabilities[chosen], self.predicted[chosen], self.groups[chosen]
        )

    def by_probability(self) -> "JudgedRows":
        """Sort the rows by ascending probability; ties keep their order."""
        return self.take(np.argsort(self.probabilities, kind="stable"))


@dataclass(frozen=True)
class Confusion:
    """Confusion matrix: the number of rows for each combination of label and prediction."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def n(self) -> int:
        return self.true_positive + self.false_positive + self.false_negative + self.true_negative

    @property
    def correct(self) -> int:
        return self.true_positive + self.true_negative

    @property
    def positives(self) -> int:
        return self.true_positive + self.false_negative

    @property
    def negatives(self) -> int:
        return self.true_negative + self.false_positive


def confusion(rows: JudgedRows) -> Confusion:
    """Count true and false positives and negatives."""
    positive, predicted = rows.positive, rows.predicted
    return Confusion(
        int(np.sum(positive & predicted)),
        int(np.sum(~positive & predicted)),
        int(np.sum(positive & ~predicted)),
        int(np.sum(~positive & ~predicted)),
    )


def proportions(counts: Confusion) -> dict[str, Estimate]:
    """Return accuracy, and precision and recall of each class, with Wilson intervals.

    Names: `accuracy`, `{negative,positive}.{precision,recall}`. The precision of a class that was never predicted is
    undefined (None).

    Examples
    --------
    >>> found = proportions(Confusion(true_positive=2, false_positive=1, false_negative=1, true_negative=1))
    >>> found["accuracy"].value, found["accuracy"].n
    (0.6, 5)
    """
    return {
        "accuracy": wilson(counts.correct, counts.n),
        "negative.precision": wilson(counts.true_negative, counts.true_negative + counts.false_negative),
        "negative.recall": wilson(counts.true_negative, counts.negatives),
        "positive.precision": wilson(counts.true_positive, counts.true_positive + counts.false_positive),
        "positive.recall": wilson(counts.true_positive, counts.positives),
    }


def log_losses(positive: BoolArray, probabilities: FloatArray) -> FloatArray:
    """Return each row's log loss: minus the log of the probability given to its label. float64 (n,), always finite."""
    clipped = np.clip(probabilities, CLIP, 1 - CLIP)
    return -np.where(positive, np.log(clipped), np.log1p(-clipped))


class WeightedMetrics:
    """Metrics without a closed-form interval, as a function of row weights, for many weightings at once.

    Call it with weights float64 (b, n), in the order of `rows.by_probability()`; it returns float64 (b,) by name.
    Everything linear in the weights is computed by one matrix product. Because the rows are sorted, a bin is a slice.

    The expected calibration error is eq. 3 of Guo et al. 2017, over equal-mass bins of the positive class's
    probability. It does not use the confidence in the predicted class: in that form, overconfidence at p can cancel
    overconfidence at 1 - p.
    """

    def __init__(self, rows: JudgedRows, bins: int) -> None:
        rows = rows.by_probability()
        columns = [
            rows.positive & rows.predicted,
            ~rows.positive & rows.predicted,
            rows.positive & ~rows.predicted,
            ~(rows.positive | rows.predicted),
            log_losses(rows.positive, rows.probabilities),
            (rows.positive - rows.probabilities) ** 2,
        ]
        self.groups = rows.groups
        self._linear = np.column_stack(columns)
        self._positive = rows.positive
        self._excess = rows.positive - rows.probabilities
        self._bins = bin_starts(rows.probabilities, bins)
        changes = np.flatnonzero(np.diff(rows.probabilities)) + 1
        self._ties = np.concatenate([[0], changes])

    def __call__(self, weights: FloatArray) -> dict[str, FloatArray]:
        sums = weights @ self._linear
        tp, fp, fn, tn = sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 3]
        n = weights.sum(axis=1)
        excess = np.add.reduceat(weights * self._excess, self._bins, axis=1)
        at_value = np.add.reduceat(weights, self._ties, axis=1)
        positive_at = np.add.reduceat(weights * self._positive, self._ties, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                "balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2,
                "roc_auc": _roc_auc(positive_at, at_value - positive_at),
                "average_precision": _average_precision(positive_at, at_value),
                "log_loss": sums[:, 4] / n,
                "brier": sums[:, 5] / n,
                "expected_calibration_error": np.abs(excess).sum(axis=1) / n,
                "negative.f1": 2 * tn / (2 * tn + fn + fp),
                "positive.f1": 2 * tp / (2 * tp + fp + fn),
            }


def _roc_auc(positive: FloatArray, negative: FloatArray) -> FloatArray:
    """Return the fraction of (positive, negative) pairs in the right order; ties count half.

    positive, negative: float64 (b, v), weight at each of v distinct probabilities, in ascending order.
    """
    below = np.cumsum(negative, axis=1) - negative
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    area: FloatArray = np.sum(positive * (below + negative / 2), axis=1) / pairs
    return area


def _average_precision(positive: FloatArray, every: FloatArray) -> FloatArray:
    """Average the precision at each distinct threshold, weighted by the recall gained there, as scikit-learn does."""
    hits = np.cumsum(positive[:, ::-1], axis=1)
    called = np.cumsum(every[:, ::-1], axis=1)
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    average: FloatArray = np.sum(precision * positive[:, ::-1], axis=1) / hits[:, -1]
    return average


def measure(rows: JudgedRows, bins: int, resamples: int, rng: np.random.Generator) -> dict[str, Estimate]:
    """Compute every metric of the evaluation, by name. Metrics of one class start with `negative.` or `positive.`.

    Parameters
    ----------
    bins
        Number of bins of the expected calibration error.
    resamples
        Number of bootstrap resamples (of whole groups) for intervals without a closed form.
    """
    counts = confusion(rows)
    figures = WeightedMetrics(rows, bins)
    drawn = bootstrap(figures, figures.groups, resamples, rng, reflected=("expected_calibration_error",))
    chance = calibration_error_by_chance(rows.probabilities, bins, resamples, rng)
    error = drawn["expected_calibration_error"]
    drawn["expected_calibration_error"] = extend_to_zero(error, chance)
    low, high = (float(end) for end in np.quantile(chance, (0.025, 0.975)))
    drawn["calibration_error_by_chance"] = Estimate(float(chance.mean()), low, high, len(rows))
    n_of = {"negative.f1": counts.negatives, "positive.f1": counts.positives}
    return proportions(counts) | {
        name: Estimate(estimate.value, estimate.low, estimate.high, n_of.get(name, estimate.n))
        for name, estimate in drawn.items()
    }
