"""When the model should rather not answer: split-conformal sets.

Angelopoulos and Bates 2023, section 1: with the quantile of n held rows, a set of labels contains the annotators'
label for a share of at least 1 - error of new rows of the same kind. A set of one label is an answer; one of both
labels, or of none, says that the face cannot be told within that error.
"""

import math

import numpy as np

from facegender.statistics.intervals import FloatArray
from facegender.statistics.metrics import BoolArray


def fit_quantile(positive: BoolArray, probabilities: FloatArray, error: float) -> float:
    """The largest 1 - p(label) that a set tolerates, in [0, 1]; 1 where there are too few rows for the error."""
    miss = np.sort(np.where(positive, 1 - probabilities, probabilities))
    rank = math.ceil((len(miss) + 1) * (1 - error))
    return float(miss[rank - 1]) if rank <= len(miss) else 1.0


def sets(probabilities: FloatArray, quantile: float) -> tuple[BoolArray, BoolArray]:
    """Whether the set of each row holds the negative label, and the positive one: bool (n,), bool (n,)."""
    return probabilities <= quantile, 1 - probabilities <= quantile


def abstains(probabilities: FloatArray, predicted: BoolArray, quantile: float) -> BoolArray:
    """bool (n,): the set is not just the predicted label."""
    negative, positive = sets(probabilities, quantile)
    alone: BoolArray = np.where(predicted, positive & ~negative, negative & ~positive)
    return ~alone
