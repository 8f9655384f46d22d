"""The accuracy gap between the best and the worst slice, and the gap that chance alone would produce."""

from dataclasses import dataclass

import numpy as np

from facegender.statistics.calibration_error import extend_to_zero
from facegender.statistics.intervals import Estimate, FloatArray, IntArray, bootstrap
from facegender.statistics.metrics import BoolArray


@dataclass(frozen=True)
class Gap:
    """The largest difference in accuracy between two slices.

    Attributes
    ----------
    worst, best
        Numbers of the two slices.
    gap
        Accuracy of the best slice minus accuracy of the worst.
    by_chance
        The gap that a model equally accurate on all slices would show in samples of these sizes: mean, and the
        middle 95%.
    """

    worst: int
    best: int
    gap: Estimate
    by_chance: Estimate


def accuracy_gap(
    correct: BoolArray, member: IntArray, groups: IntArray, resamples: int, rng: np.random.Generator
) -> Gap:
    """Measure the accuracy gap over disjoint slices.

    The bootstrap interval is reflected, because resampling alone drives the extremes apart. It extends to 0 if chance
    produces such a gap in at least 1 of 40 samples.

    Parameters
    ----------
    correct
        bool (n,): True where the prediction is correct.
    member
        int64 (n,): the slice of each row, 0..k-1, with k at least 2 and no slice empty.
    groups
        int64 (n,): rows of one group are resampled together.
    resamples
        Number of bootstrap resamples, and of samples for the gap by chance.
    """
    slices = int(member.max()) + 1
    order = np.argsort(member, kind="stable")
    starts = np.searchsorted(member[order], np.arange(slices))
    right = correct[order]

    def spread(weights: FloatArray) -> dict[str, FloatArray]:
        ordered = weights[:, order]
        drawn = np.add.reduceat(ordered, starts, axis=1)
        with np.errstate(invalid="ignore"):
            shares = np.add.reduceat(ordered * right, starts, axis=1) / drawn  # NaN where no row of a slice was drawn
        return {"gap": np.nanmax(shares, axis=1) - np.nanmin(shares, axis=1)}

    sizes = np.bincount(member, minlength=slices)
    shares = np.bincount(member, correct, minlength=slices) / sizes
    chance = gap_by_chance(sizes, int(correct.sum()), resamples, rng)
    gap = bootstrap(spread, groups, resamples, rng, reflected=("gap",))["gap"]
    low, high = (float(end) for end in np.quantile(chance, (0.025, 0.975)))
    by_chance = Estimate(float(chance.mean()), low, high, len(correct))
    return Gap(int(np.argmin(shares)), int(np.argmax(shares)), extend_to_zero(gap, chance), by_chance)


def gap_by_chance(sizes: IntArray, correct: int, resamples: int, rng: np.random.Generator) -> FloatArray:
    """Return the gaps that appear if the correct answers fall on random rows: float64 (resamples,).

    sizes: int64 (k,), rows of each slice; correct: the number of correct answers over all slices.
    """
    dealt = rng.multivariate_hypergeometric(sizes, correct, size=resamples)
    shares = dealt / sizes
    gaps: FloatArray = shares.max(axis=1) - shares.min(axis=1)
    return gaps
