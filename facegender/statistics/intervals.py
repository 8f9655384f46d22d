"""Estimates with their sample size and a 95% confidence interval.

Proportions use Wilson's closed form; every other statistic is bootstrapped. The bootstrap resamples whole groups,
because near-duplicates and pictures of one person are not independent rows.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Z95: Final = 1.959963984540054  # the normal distribution's 97.5% point
DIGITS: Final = 6  # decimals stored: finer than any interval here, coarser than the rounding of another BLAS
MAX_CELLS: Final = 250_000  # numbers in one block of bootstrap weights: 2 MB, plus a few arrays of that size


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval. All three are None where the value is undefined (a class without rows)."""

    value: float | None
    low: float | None
    high: float | None
    n: int

    def as_dict(self) -> dict[str, float | int | None]:
        """Return the estimate for JSON, rounded to 6 decimals."""
        return {"value": _round(self.value), "low": _round(self.low), "high": _round(self.high), "n": self.n}


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def wilson(successes: int, n: int) -> Estimate:
    """Estimate a proportion with Wilson's score interval (Wilson 1927).

    Brown, Cai and DasGupta 2001 explain why not p ± 1.96 s. With n = 0 everything is None.

    `scipy.stats.binomtest(k, n).proportion_ci(method="wilson")` gives the same ends, within 4e-16. It is not used
    because it also computes a p-value, which takes 150 to 450 µs instead of 1 µs, and because its import would cost
    `facegender compare` 0.65 s of processor time and 59 MB.

    Raises
    ------
    ValueError
        `successes` is negative or greater than `n`.

    Examples
    --------
    >>> wilson(15, 148).as_dict()
    {'value': 0.101351, 'low': 0.062386, 'high': 0.160487, 'n': 148}
    """
    if not 0 <= successes <= n:
        raise ValueError(f"successes must be between 0 and n = {n}. Received: {successes}.")
    if n == 0:
        return Estimate(None, None, None, 0)
    share = successes / n
    scale = 1 + Z95**2 / n
    centre = (share + Z95**2 / (2 * n)) / scale
    half = Z95 / scale * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    # with no success, or no failure, the formula gives exactly 0 or 1 but for rounding
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Estimate(share, low, high, n)


def group_weights(groups: IntArray, resamples: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Resample whole groups with replacement; yield how often each row is drawn.

    Parameters
    ----------
    groups
        int64 (n,): group number of each row, in any numbering.
    resamples
        Total number of resamples. They are yielded in blocks, so memory is bounded for any n.

    Yields
    ------
    float64 (b, n), the row weights of b resamples.
    """
    _, member = np.unique(groups, return_inverse=True)
    count = int(member.max()) + 1
    block = max(1, MAX_CELLS // len(groups))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = rng.integers(0, count, size=(size, count))
        drawn += np.arange(size)[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)
        yield times[:, member].astype(np.float64)


def bootstrap(
    statistics: Callable[[FloatArray], dict[str, FloatArray]],
    groups: IntArray,
    resamples: int,
    rng: np.random.Generator,
    reflected: tuple[str, ...] = (),
) -> dict[str, Estimate]:
    """Estimate weighted statistics with bootstrap percentile intervals (Efron and Tibshirani 1993, ch. 13).

    Parameters
    ----------
    statistics
        Function from row weights float64 (b, n) to float64 (b,) by name, NaN where undefined.
    groups
        int64 (n,): rows of one group are resampled together.
    reflected
        Names of statistics that get the reflected ("basic") interval, cut at 0. Use it for statistics that resampling
        itself inflates, such as a calibration error: its percentile interval lies above the true value.
    """
    n = len(groups)
    values = {name: float(column[0]) for name, column in statistics(np.ones((1, n))).items()}
    drawn: dict[str, list[FloatArray]] = {name: [] for name in values}
    for weights in group_weights(groups, resamples, rng):
        for name, column in statistics(weights).items():
            drawn[name].append(column)
    return {
        name: _interval(values[name], np.concatenate(columns), n, name in reflected) for name, columns in drawn.items()
    }


def _interval(value: float, drawn: FloatArray, n: int, reflect: bool) -> Estimate:
    known = drawn[~np.isnan(drawn)]
    if math.isnan(value) or not len(known):
        return Estimate(None, None, None, n)
    low, high = (float(end) for end in np.quantile(known, (0.025, 0.975)))
    if reflect:
        low, high = max(0.0, 2 * value - high), max(0.0, 2 * value - low)
    # an interval that excludes its own estimate would confuse readers
    return Estimate(value, min(low, value), max(high, value), n)
