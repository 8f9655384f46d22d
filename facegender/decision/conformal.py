"""When the model should abstain: split-conformal prediction sets.

Angelopoulos and Bates 2023, section 1: with the quantile of n held-out rows, the prediction set contains the
annotators' label for at least 1 - error of new rows of the same kind. A set of one label is an answer. A set of both
labels, or of none, means that the face cannot be classified within that error.
"""

import math

import numpy as np

from facegender.statistics.intervals import FloatArray
from facegender.statistics.metrics import BoolArray


def fit_quantile(positive: BoolArray, probabilities: FloatArray, error: float) -> float:
    """Find the largest 1 - p(label) at which a set still contains the label: in [0, 1], 1 if there are too few rows.

    Parameters
    ----------
    positive
        bool (n,): True where the label is the positive class.
    probabilities
        float64 (n,): calibrated probabilities of the positive class.
    error
        Share of rows whose set may miss the label.

    Examples
    --------
    With 4 rows and an error of 0.4 it is the ceil(5 * 0.6) = 3rd smallest 1 - p(label).

    >>> positive, probabilities = np.array([True, True, True, False]), np.array([0.9, 0.75, 0.4, 0.2])
    >>> fit_quantile(positive, probabilities, error=0.4)
    0.25
    """
    miss = np.sort(np.where(positive, 1 - probabilities, probabilities))
    rank = math.ceil((len(miss) + 1) * (1 - error))
    return float(miss[rank - 1]) if rank <= len(miss) else 1.0


def prediction_sets(probabilities: FloatArray, quantile: float) -> tuple[BoolArray, BoolArray]:
    """Return whether each row's set contains the negative label, and the positive label: bool (n,), bool (n,).

    Examples
    --------
    >>> negative, positive = prediction_sets(np.array([0.1, 0.5, 0.95]), quantile=0.3)
    >>> negative.tolist(), positive.tolist()
    ([True, False, False], [False, False, True])
    """
    return probabilities <= quantile, 1 - probabilities <= quantile


def should_abstain(probabilities: FloatArray, predicted: BoolArray, quantile: float) -> BoolArray:
    """Mark rows whose set is anything but the predicted label alone: bool (n,).

    Parameters
    ----------
    predicted
        bool (n,): True where the positive class was predicted.
    """
    negative, positive = prediction_sets(probabilities, quantile)
    alone: BoolArray = np.where(predicted, positive & ~negative, negative & ~positive)
    return ~alone
