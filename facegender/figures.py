"""metrics.json and slices.json: the figures of an evaluation as they are stored, compared and reported."""

from typing import Any, Final

import numpy as np
import pandas as pd

from facegender.classes import Classes
from facegender.decision import Decision
from facegender.intervals import Estimate, wilson
from facegender.metrics import Confusion, Rows
from facegender.slices import Slice

CALIBRATION: Final = ("log_loss", "brier", "expected_calibration_error")


def rows_of(predictions: pd.DataFrame, classes: Classes, probability: str = "probability") -> Rows:
    """The arrays behind a predictions table; `probability` names the column."""
    return Rows(
        (predictions["label"] == classes.positive).to_numpy(dtype=bool),
        predictions[probability].to_numpy(dtype=np.float64),
        (predictions["predicted"] == classes.positive).to_numpy(dtype=bool),
        predictions["group"].to_numpy(dtype=np.int64),
    )


def baseline(rows: Rows, classes: Classes) -> Estimate:
    """Accuracy of always answering the training rows' majority class."""
    hits = rows.positive if classes.majority == classes.positive else ~rows.positive
    return wilson(int(hits.sum()), len(rows))


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


def slices_json(slices: dict[str, list[Slice]]) -> dict[str, Any]:
    """slices.json: by column, then value, the accuracy; `enough` says whether it may be compared."""
    return {
        column: {row.value: {"accuracy": row.accuracy.as_dict(), "enough": row.enough} for row in rows}
        for column, rows in slices.items()
    }
