"""All plots of one evaluation, by file name."""

from typing import Final

import pandas as pd

from facegender.decision.classes import Classes, label_name
from facegender.evaluation.report import plots
from facegender.statistics.curves import histogram
from facegender.statistics.metrics import JudgedRows, confusion

HISTOGRAM_BINS = 20
NAMES: Final = {  # titles of the plots, the same in the report as in `dvc plots show`
    "confusion": "Confusion",
    "histogram": "Histogram",
    "roc": "ROC",
    "precision_recall": "Precision and recall",
    "reliability": "Reliability",
    "reliability_raw": "Reliability before calibration",
    "coverage_risk": "Coverage and risk",
    "learning_loss": "Loss",
    "learning_accuracy": "Accuracy",
}


def draw_plots(
    rows: JudgedRows,
    classes: Classes,
    tables: dict[str, pd.DataFrame],
    history: pd.DataFrame,
    threshold: float,
    answered: tuple[float, float | None],
) -> dict[str, str]:
    """Draw the plots as SVG by name; without the ROC and precision-recall curves if only one class occurs.

    Parameters
    ----------
    tables
        roc, precision_recall, reliability, reliability_raw, coverage_risk.
    answered
        Share of faces answered when abstaining, and the accuracy of those answers.
    """
    negative, positive = label_name(classes.negative), label_name(classes.positive)
    counts = confusion(rows)
    best = kept_epoch(history)
    drawn = {
        "confusion": plots.confusion_matrix(counts, negative, positive),
        "histogram": plots.histogram_plot(histogram(rows, HISTOGRAM_BINS), negative, positive, threshold),
        "reliability": plots.reliability_plot(tables["reliability"], "reliability"),
        "reliability_raw": plots.reliability_plot(tables["reliability_raw"], "reliability-raw"),
        "coverage_risk": plots.coverage_risk_plot(tables["coverage_risk"], *answered),
        "learning_loss": plots.learning_plot(history, "loss", best),
        "learning_accuracy": plots.learning_plot(history, "accuracy", best),
    }
    if counts.positives and counts.negatives:
        recall = counts.true_positive / counts.positives
        called = counts.true_positive + counts.false_positive
        drawn["roc"] = plots.roc_plot(tables["roc"], (counts.false_positive / counts.negatives, recall), threshold)
        drawn["precision_recall"] = plots.precision_recall_plot(
            tables["precision_recall"],
            (recall, counts.true_positive / called) if called else None,
            threshold,
            counts.positives / counts.n,
        )
    return drawn


def kept_epoch(history: pd.DataFrame) -> int:
    """Find the position of the epoch that was kept: the one with the lowest validation loss of the last phase."""
    last = history[history["phase"] == history["phase"].iloc[-1]]
    return int(last["val_loss"].idxmin())
