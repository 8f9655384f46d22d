"""Figures of a binary classifier, from arrays; each with n and a 95% interval. No file is opened here."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from facegender.statistics.intervals import MAX_CELLS, Estimate, FloatArray, IntArray, bootstrap, wilson

BoolArray = npt.NDArray[np.bool_]

CLIP: Final = float(np.finfo(np.float32).eps)  # log loss of a probability of 0 or 1, as scikit-learn does for float32


@dataclass(frozen=True)
class JudgedRows:
    """Rows that were judged.

    Attributes
    ----------
    positive
        bool (n,): the label is the positive class.
    probabilities
        float64 (n,) in [0, 1], of the positive class.
    predicted
        bool (n,): the positive class was predicted.
    groups
        int64 (n,): rows of one group are not independent of each other.
    """

    positive: BoolArray
    probabilities: FloatArray
    predicted: BoolArray
    groups: IntArray

    def __len__(self) -> int:
        return len(self.positive)

    def take(self, chosen: BoolArray | IntArray) -> "JudgedRows":
        """Some of the rows, by mask or position."""
        return JudgedRows(
            self.positive[chosen], self.probabilities[chosen], self.predicted[chosen], self.groups[chosen]
        )

    def by_probability(self) -> "JudgedRows":
        """The rows in ascending order of probability."""
        return self.take(np.argsort(self.probabilities, kind="stable"))


@dataclass(frozen=True)
class Confusion:
    """Counts by label and prediction."""

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
    """Count the four cases."""
    positive, predicted = rows.positive, rows.predicted
    return Confusion(
        int(np.sum(positive & predicted)),
        int(np.sum(~positive & predicted)),
        int(np.sum(positive & ~predicted)),
        int(np.sum(~positive & ~predicted)),
    )


def proportions(counts: Confusion) -> dict[str, Estimate]:
    """Accuracy, and each class's recall and precision, with Wilson intervals.

    Names: `accuracy`, `{negative,positive}.{precision,recall}`. A class nobody predicted has no precision.
    """
    return {
        "accuracy": wilson(counts.correct, counts.n),
        "negative.precision": wilson(counts.true_negative, counts.true_negative + counts.false_negative),
        "negative.recall": wilson(counts.true_negative, counts.negatives),
        "positive.precision": wilson(counts.true_positive, counts.true_positive + counts.false_positive),
        "positive.recall": wilson(counts.true_positive, counts.positives),
    }


def log_losses(positive: BoolArray, probabilities: FloatArray) -> FloatArray:
    """Of each row, float64 (n,), finite: minus the log of the probability that its label was given."""
    clipped = np.clip(probabilities, CLIP, 1 - CLIP)
    return -np.where(positive, np.log(clipped), np.log1p(-clipped))


class WeightedMetrics:
    """The figures without a closed form, as functions of row weights, for many weightings at once.

    Called with weights float64 (b, n) in the order of `rows.by_probability()`, it gives named float64 (b,). All that
    is linear in the weights is one matrix product, and a bin is a stretch of the rows.
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
    """Share of pairs in the right order, ties counting half; (b, v) weights at each distinct value, ascending."""
    below = np.cumsum(negative, axis=1) - negative
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    area: FloatArray = np.sum(positive * (below + negative / 2), axis=1) / pairs
    return area


def _average_precision(positive: FloatArray, every: FloatArray) -> FloatArray:
    """Precision at each distinct threshold, weighted by the recall gained there (scikit-learn's definition)."""
    hits = np.cumsum(positive[:, ::-1], axis=1)
    called = np.cumsum(every[:, ::-1], axis=1)
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    average: FloatArray = np.sum(precision * positive[:, ::-1], axis=1) / hits[:, -1]
    return average


def bin_numbers(probabilities: FloatArray, bins: int) -> IntArray:
    """int64 (n,): the bin each probability falls into, of bins that hold equally many rows; equal ones share theirs.

    Equal-mass bins (Nixon et al. 2019, "adaptive calibration error"; scikit-learn's strategy "quantile"): equal-width
    ones are nearly empty in the middle, and on 1,200 faces their noise outweighs what a calibration changes.
    """
    edges = np.quantile(probabilities, np.arange(1, bins) / bins)
    numbers: IntArray = np.searchsorted(edges, probabilities).astype(np.int64)
    return numbers


def bin_starts(probabilities: FloatArray, bins: int) -> IntArray:
    """Of probabilities in ascending order, where each bin that has rows begins: int64 (at most `bins`,)."""
    starts: IntArray = np.unique(bin_numbers(probabilities, bins), return_index=True)[1].astype(np.int64)
    return starts


def expected_calibration_error(positive: BoolArray, probabilities: FloatArray, bins: int) -> float:
    """Mean distance, over equal-mass bins of the positive class's probability, of its mean from the class's share.

    Guo et al. 2017, eq. 3, on the probability rather than on the confidence in the predicted class: the folded form
    lets an excess at p cancel one at 1 - p.
    """
    excess = np.bincount(bin_numbers(probabilities, bins), positive - probabilities, minlength=bins)
    return float(np.abs(excess).sum() / len(positive))


def calibration_error_by_chance(
    probabilities: FloatArray, bins: int, resamples: int, rng: np.random.Generator
) -> FloatArray:
    """What a perfectly calibrated model shows: float64 (resamples,), labels drawn by the probabilities themselves.

    Vaicenavicius et al. 2019, "consistency resampling": a finite sample never shows an error of 0.
    """
    order = np.argsort(probabilities, kind="stable")
    starts = bin_starts(probabilities[order], bins)
    block = max(1, MAX_CELLS // len(probabilities))
    errors = np.empty(resamples)
    for start in range(0, resamples, block):
        drawn = rng.random((min(block, resamples - start), len(probabilities)))
        excess = (drawn < probabilities) - probabilities
        errors[start : start + block] = np.abs(np.add.reduceat(excess[:, order], starts, axis=1)).sum(axis=1)
    return errors / len(probabilities)


def consistent_with_zero(error: Estimate, chance: FloatArray) -> Estimate:
    """Let the interval reach down to 0 where a perfectly calibrated model shows as much in one of 40 samples or more.

    At the boundary the bootstrap alone covers a true 0 in only 7 of 10 samples.
    """
    if error.value is not None and error.value <= float(np.quantile(chance, 0.975)):
        return Estimate(error.value, 0.0, error.high, error.n)
    return error


def measure(rows: JudgedRows, bins: int, resamples: int, rng: np.random.Generator) -> dict[str, Estimate]:
    """Every figure of the evaluation, by name; `negative.` and `positive.` lead those of one class.

    Parameters
    ----------
    bins
        Of the expected calibration error.
    resamples
        Bootstrap resamples of groups behind the intervals that have no closed form.
    """
    counts = confusion(rows)
    figures = WeightedMetrics(rows, bins)
    drawn = bootstrap(figures, figures.groups, resamples, rng, reflected=("expected_calibration_error",))
    chance = calibration_error_by_chance(rows.probabilities, bins, resamples, rng)
    error = drawn["expected_calibration_error"]
    drawn["expected_calibration_error"] = consistent_with_zero(error, chance)
    low, high = (float(end) for end in np.quantile(chance, (0.025, 0.975)))
    drawn["calibration_error_by_chance"] = Estimate(float(chance.mean()), low, high, len(rows))
    n_of = {"negative.f1": counts.negatives, "positive.f1": counts.positives}
    return proportions(counts) | {
        name: Estimate(estimate.value, estimate.low, estimate.high, n_of.get(name, estimate.n))
        for name, estimate in drawn.items()
    }
