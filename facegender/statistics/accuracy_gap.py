"""The distance between the best- and the worst-served slice, and how much of it chance alone would make."""

from dataclasses import dataclass

import numpy as np

from facegender.statistics.intervals import Estimate, FloatArray, IntArray, bootstrap
from facegender.statistics.metrics import BoolArray, consistent_with_zero


@dataclass(frozen=True)
class Gap:
    """The largest difference in accuracy between two slices.

    Attributes
    ----------
    worst, best
        Positions of the two slices.
    by_chance
        The gap of a model that serves all alike, in samples of these sizes: mean, and the middle 95%.
    """

    worst: int
    best: int
    gap: Estimate
    by_chance: Estimate


def accuracy_gap(
    correct: BoolArray, member: IntArray, groups: IntArray, resamples: int, rng: np.random.Generator
) -> Gap:
    """The gap over disjoint slices.

    The bootstrap's interval is reflected, because resampling alone drives the extremes apart, and reaches down to 0
    where chance makes such a gap in one of 40 samples or more.

    Parameters
    ----------
    correct
        bool (n,).
    member
        int64 (n,): the slice of each row, 0..k-1, each with rows; k at least 2.
    groups
        int64 (n,): rows resampled together.
    """
    slices = int(member.max()) + 1
    order = np.argsort(member, kind="stable")
    starts = np.searchsorted(member[order], np.arange(slices))
    right = correct[order]

    def spread(weights: FloatArray) -> dict[str, FloatArray]:
        ordered = weights[:, order]
        drawn = np.add.reduceat(ordered, starts, axis=1)
        with np.errstate(invalid="ignore"):
            shares = np.add.reduceat(ordered * right, starts, axis=1) / drawn  # NaN where a slice was not drawn at all
        return {"gap": np.nanmax(shares, axis=1) - np.nanmin(shares, axis=1)}

    sizes = np.bincount(member, minlength=slices)
    shares = np.bincount(member, correct, minlength=slices) / sizes
    chance = gap_by_chance(sizes, int(correct.sum()), resamples, rng)
    gap = bootstrap(spread, groups, resamples, rng, reflected=("gap",))["gap"]
    low, high = (float(end) for end in np.quantile(chance, (0.025, 0.975)))
    by_chance = Estimate(float(chance.mean()), low, high, len(correct))
    return Gap(int(np.argmin(shares)), int(np.argmax(shares)), consistent_with_zero(gap, chance), by_chance)


def gap_by_chance(sizes: IntArray, correct: int, resamples: int, rng: np.random.Generator) -> FloatArray:
    """float64 (resamples,): the gaps when the right answers are dealt out to the rows at random."""
    dealt = rng.multivariate_hypergeometric(sizes, correct, size=resamples)
    shares = dealt / sizes
    gaps: FloatArray = shares.max(axis=1) - shares.min(axis=1)
    return gaps
