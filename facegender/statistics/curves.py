"""The curves of an evaluation as short tables, for plots.py, `dvc plots` and the report."""

from typing import Final

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve

from facegender.statistics.calibration_error import bin_numbers
from facegender.statistics.intervals import IntArray, wilson
from facegender.statistics.metrics import JudgedRows

MAX_POINTS: Final = 500  # points of a drawn curve: more than a screen can show


def roc(rows: JudgedRows) -> pd.DataFrame:
    """Compute the ROC curve: columns false_positive_rate, true_positive_rate, threshold.

    The table is empty if a class has no rows.
    """
    if rows.positive.all() or not rows.positive.any():
        return pd.DataFrame({"false_positive_rate": [], "true_positive_rate": [], "threshold": []}, dtype=np.float64)
    false_positive, true_positive, threshold = roc_curve(rows.positive, rows.probabilities)
    threshold[0] = 1.0  # scikit-learn gives infinity, which JSON does not have
    kept = _thin(len(threshold))
    return pd.DataFrame(
        {
            "false_positive_rate": false_positive[kept],
            "true_positive_rate": true_positive[kept],
            "threshold": threshold[kept],
        }
    )


def precision_recall(rows: JudgedRows) -> pd.DataFrame:
    """Compute the precision-recall curve of the positive class: columns recall, precision, threshold.

    The table is empty if the positive class has no rows.
    """
    if not rows.positive.any():
        return pd.DataFrame({"recall": [], "precision": [], "threshold": []}, dtype=np.float64)
    precision, recall, threshold = precision_recall_curve(rows.positive, rows.probabilities)
    kept = _thin(len(threshold))
    return pd.DataFrame({"recall": recall[kept], "precision": precision[kept], "threshold": threshold[kept]})


def _thin(count: int) -> IntArray:
    kept: IntArray = np.unique(np.linspace(0, count - 1, min(count, MAX_POINTS)).round().astype(np.int64))
    return kept


def reliability(rows: JudgedRows, bins: int) -> pd.DataFrame:
    """Compute the reliability diagram: the share of positive labels in each non-empty bin, with a Wilson interval.

    Columns: probability (mean of the bin), observed, low, high, n.
    """
    bin_of = bin_numbers(rows.probabilities, bins)
    table = []
    for number in np.unique(bin_of):
        here = bin_of == number
        share = wilson(int(rows.positive[here].sum()), int(here.sum()))
        table.append((float(rows.probabilities[here].mean()), share.value, share.low, share.high, share.n))
    return pd.DataFrame(table, columns=["probability", "observed", "low", "high", "n"])


def histogram(rows: JudgedRows, bins: int) -> pd.DataFrame:
    """Count the rows of each class in equal-width bins of probability: columns start, negative, positive."""
    bin_of = np.minimum((rows.probabilities * bins).astype(np.int64), bins - 1)  # 1.0 belongs to the last bin
    return pd.DataFrame(
        {
            "start": np.arange(bins) / bins,
            "negative": np.bincount(bin_of[~rows.positive], minlength=bins),
            "positive": np.bincount(bin_of[rows.positive], minlength=bins),
        }
    )


def coverage_risk(rows: JudgedRows, threshold: float, points: int = 200) -> pd.DataFrame:
    """Compute the accuracy if the model answers only its most certain rows: columns coverage, accuracy.

    Certainty is the distance of the probability from the threshold. JudgedRows at equal distance are answered together.
    """
    distance = np.abs(rows.probabilities - threshold)
    order = np.argsort(-distance, kind="stable")
    correct = (rows.positive == rows.predicted)[order]
    ends = np.append(np.flatnonzero(np.diff(distance[order])), len(rows) - 1)
    kept = ends[np.unique(np.linspace(0, len(ends) - 1, min(len(ends), points)).round().astype(np.int64))]
    return pd.DataFrame({"coverage": (kept + 1) / len(rows), "accuracy": np.cumsum(correct)[kept] / (kept + 1)})
