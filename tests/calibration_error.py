"""The expected calibration error by its definition, to check the weighted one in statistics/metrics.py."""

import numpy as np
import numpy.typing as npt

from facegender.statistics.calibration_error import bin_numbers


def expected_calibration_error(
    positive: npt.NDArray[np.bool_], probabilities: npt.NDArray[np.float64], bins: int
) -> float:
    """Average |mean label - mean probability| over equal-mass bins, weighted by rows (Guo et al. 2017, eq. 3)."""
    excess = np.bincount(bin_numbers(probabilities, bins), positive - probabilities, minlength=bins)
    return float(np.abs(excess).sum() / len(positive))
