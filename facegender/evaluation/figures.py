"""metrics.json and slices.json: the figures of an evaluation as they are stored, compared and reported."""

from typing import Any, Final

import pandas as pd

from facegender.decision.classes import Classes
from facegender.decision.decision import Decision
from facegender.evaluation.slices import Breakdown, Slice
from facegender.files.image_names import places
from facegender.statistics.intervals import Estimate, wilson
from facegender.statistics.metrics import Confusion, JudgedRows

CALIBRATION: Final = ("log_loss", "brier", "expected_calibration_error")


def baseline(rows: JudgedRows, classes: Classes) -> Estimate:
    """Accuracy of always answering the training rows' majority class."""
    hits = rows.positive if classes.majority == classes.positive else ~rows.positive
    return wilson(int(hits.sum()), len(rows))


def frozen_accuracy(predictions: pd.DataFrame, suspects: pd.DataFrame) -> Estimate | None:
    """Accuracy of a logistic regression on the frozen backbone's output, cross-fitted over all labelled rows.

    It is what `find_suspects` judges labels by, so it costs nothing more. None where it has not judged these rows, as
    those of a holdout.
    """
    try:
        confidence = suspects["probability"].to_numpy()[places(predictions["image"], suspects["image"])]
    except KeyError:
        return None
    return wilson(int((confidence > 0.5).sum()), len(predictions))


def uncalibrated(estimates: dict[str, Estimate]) -> dict[str, Any]:
    """Of the model's own probabilities, the figures that calibration is for."""
    return {name: estimates[name].as_dict() for name in CALIBRATION}


def abstention(predictions: pd.DataFrame, decision: Decision) -> dict[str, Any]:
    """How often the model answers at the allowed error, how well then, and whether its sets keep the promise."""
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
    """The main part of metrics.json; `dvc metrics diff` names accuracy.value, classes.LABEL.recall.low and more."""
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
    """slices.json: by column, then value, accuracy and each class's recall; `enough`: it may be compared."""
    return {breakdown.name: {row.value: _slice(row, classes) for row in breakdown.slices} for breakdown in breakdowns}


def _slice(row: Slice, classes: Classes) -> dict[str, Any]:
    recalls = {classes.negative: row.negative_recall.as_dict(), classes.positive: row.positive_recall.as_dict()}
    return {"accuracy": row.accuracy.as_dict(), "recall": recalls, "enough": row.enough}


def gaps_json(breakdowns: list[Breakdown]) -> dict[str, Any]:
    """The part of metrics.json on slices: of each column with two comparable ones the gap and the worst served."""
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
