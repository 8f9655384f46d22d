"""metrics.json and slices.json: the figures of an evaluation, as they are stored, compared and reported."""

from typing import Any, Final

import pandas as pd

from facegender.decision.classes import Classes
from facegender.decision.decision import Decision
from facegender.evaluation.slices import Breakdown, Slice
from facegender.files.image_names import lookup_all
from facegender.statistics.intervals import Estimate, wilson
from facegender.statistics.metrics import Confusion, JudgedRows

CALIBRATION: Final = ("log_loss", "brier", "expected_calibration_error")


def baseline(rows: JudgedRows, classes: Classes) -> Estimate:
    """Compute the accuracy of always answering the majority class of the training rows."""
    hits = rows.positive if classes.majority == classes.positive else ~rows.positive
    return wilson(int(hits.sum()), len(rows))


def frozen_accuracy(predictions: pd.DataFrame, suspects: pd.DataFrame) -> Estimate | None:
    """Compute the accuracy of a logistic regression on the frozen backbone's output, cross-fitted on all labelled rows.

    `find_suspects` has already fitted it to judge labels, so it costs nothing more. None if it has not judged these
    rows: a holdout has no part in it.
    """
    try:
        confidence = suspects["probability"].to_numpy()[lookup_all(predictions["image"], suspects["image"])]
    except KeyError:
        return None
    return wilson(int((confidence > 0.5).sum()), len(predictions))


def calibration_figures(estimates: dict[str, Estimate]) -> dict[str, Any]:
    """Pick the figures that calibration improves, for the model's own probabilities."""
    return {name: estimates[name].as_dict() for name in CALIBRATION}


def abstention_figures(predictions: pd.DataFrame, decision: Decision) -> dict[str, Any]:
    """Say how often the model answers at the allowed error, how accurately, and how often its sets hold the label."""
    answered = ~predictions["abstain"]
    correct = predictions["label"] == predictions["predicted"]
    count, n = int(answered.sum()), len(predictions)
    return {
        "allowed_error": decision.error,
        "answered": wilson(count, n).as_dict(),
        "accuracy_where_answered": wilson(int((correct & answered).sum()), count).as_dict(),
        "sets_with_the_label": wilson(int(predictions["covered"].sum()), n).as_dict(),
    }


def metrics_json(estimates: dict[str, Estimate], counts: Confusion, classes: Classes) -> dict[str, Any]:
    """Make the main part of metrics.json; `dvc metrics diff` shows accuracy.value, classes.LABEL.recall.low …"""
    overall = {name: estimate.as_dict() for name, estimate in estimates.items() if "." not in name}
    by_class: dict[str, Any] = {}
    for side, label in (("negative", classes.negative), ("positive", classes.positive)):
        by_class[label] = {
            name.removeprefix(f"{side}."): estimate.as_dict()
            for name, estimate in estimates.items()
            if name.startswith(f"{side}.")
        }
    return {
        "n": counts.n,
        **overall,
        "classes": by_class,
        "confusion": {
            "true_positive": counts.true_positive,
            "false_positive": counts.false_positive,
            "false_negative": counts.false_negative,
            "true_negative": counts.true_negative,
        },
    }


def slices_json(breakdowns: list[Breakdown], classes: Classes) -> dict[str, Any]:
    """Make slices.json: accuracy and each class's recall by column, then value; `enough`: large enough to compare."""
    return {breakdown.name: {row.value: _slice(row, classes) for row in breakdown.slices} for breakdown in breakdowns}


def _slice(row: Slice, classes: Classes) -> dict[str, Any]:
    recalls = {classes.negative: row.negative_recall.as_dict(), classes.positive: row.positive_recall.as_dict()}
    return {"accuracy": row.accuracy.as_dict(), "recall": recalls, "enough": row.enough}


def gaps_json(breakdowns: list[Breakdown]) -> dict[str, Any]:
    """Make the part of metrics.json on slices: the gap between the best and the worst, by column.

    A column without two slices that are large enough is left out.
    """
    return {
        breakdown.name: {
            "gap": breakdown.gap.gap.as_dict(),
            "gap_by_chance": breakdown.gap.by_chance.as_dict(),
            "worst": breakdown.compared[breakdown.gap.worst].value,
            "worst_accuracy": breakdown.compared[breakdown.gap.worst].accuracy.as_dict(),
            "best": breakdown.compared[breakdown.gap.best].value,
            "best_accuracy": breakdown.compared[breakdown.gap.best].accuracy.as_dict(),
        }
        for breakdown in breakdowns
        if breakdown.gap is not None
    }
