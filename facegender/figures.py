"""metrics.json and slices.json: the figures of an evaluation as they are stored, compared and reported."""

from typing import Any

import numpy as np
import pandas as pd

from facegender.classes import Classes
from facegender.intervals import Estimate, wilson
from facegender.metrics import Confusion, Rows
from facegender.slices import Slice


def rows_of(predictions: pd.DataFrame, classes: Classes) -> Rows:
    """The arrays behind a predictions table."""
    return Rows(
        (predictions["label"] == classes.positive).to_numpy(dtype=bool),
        predictions["probability"].to_numpy(dtype=np.float64),
        (predictions["predicted"] == classes.positive).to_numpy(dtype=bool),
        predictions["group"].to_numpy(dtype=np.int64),
    )


def baseline(rows: Rows, classes: Classes) -> Estimate:
    """Accuracy of always answering the training rows' majority class."""
    hits = rows.positive if classes.majority == classes.positive else ~rows.positive
    return wilson(int(hits.sum()), len(rows))


def metrics_json(
    estimates: dict[str, Estimate], counts: Confusion, plain: Estimate, classes: Classes
) -> dict[str, Any]:
    """metrics.json: `accuracy.value`, `accuracy.low` … in `dvc metrics diff`, and `classes.LABEL.recall.value` …"""
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
        "baseline_accuracy": plain.as_dict(),
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
