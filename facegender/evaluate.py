"""The stage `evaluate`: score the validation rows' image files, and leave what a person and a machine can read of it.

Leaves in its folder: metrics.json (for `dvc metrics`), predictions.parquet, report.html, model_card.md, plots/*.svg, and for
`dvc plots`: plots/roc.json, plots/precision_recall.json, plots/confusion.json, plots/reliability.json.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegender.atomic import atomic_folder
from facegender.classes import Classes, read_classes
from facegender.errors import UserError
from facegender.intervals import Estimate, wilson
from facegender.layout import Layout
from facegender.metrics import Confusion, Rows, confusion, measure
from facegender.params import Params

VALIDATION_FOLD = 0


def evaluate(
    model: Path,
    data: Layout,
    index: Path,
    splits: Path,
    validation: Path,
    params: Params,
    out: Path,
) -> None:
    """Score the validation rows and write the evaluation folder.

    Parameters
    ----------
    model
        Folder with model.keras, classes.json, history.csv, provenance.json.
    index, splits, validation
        index.parquet, splits.parquet, validation.json.
    out
        The folder to write; it appears whole or not at all.

    Raises
    ------
    UserError
        No row is set apart for validation, or one of their images can no longer be read.
    """
    from facegender.scoring import score  # imports TensorFlow

    classes = read_classes(model)
    held = validation_rows(pd.read_parquet(splits), splits)
    scores = score(model, [data.images / name for name in held["image"]])
    refuse_unreadable(held["image"].tolist(), scores.reasons)
    predictions = predict_rows(held, scores.probabilities, classes, params.submit.threshold)
    rows = rows_of(predictions, classes)
    rng = np.random.default_rng(params.evaluate.seed)
    estimates = measure(rows, params.evaluate.calibration_bins, params.evaluate.bootstrap, rng)
    figures = metrics_json(estimates, confusion(rows), baseline(rows, classes), classes)
    with atomic_folder(out) as folder:
        write_json(folder / "metrics.json", figures)
        predictions.to_parquet(folder / "predictions.parquet", index=False)


def validation_rows(splits: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The rows that training did not see, in the split's order."""
    held = splits[splits["fold"] == VALIDATION_FOLD].reset_index(drop=True)
    if held.empty:
        raise UserError(
            str(path),
            "at least one row must be set apart for validation (fold 0)",
            None,
            "Raise split.validation.",
        )
    return held


def refuse_unreadable(images: list[str], reasons: list[str | None]) -> None:
    """Every validation image was decoded by `validate`; one that no longer can be has changed since."""
    for image, reason in zip(images, reasons, strict=True):
        if reason is not None:
            raise UserError(
                f"images/{image}",
                "a validation image must be as it was when `validate` read it",
                reason,
                "Restore the file, or run the pipeline again from `validate`.",
            )


def predict_rows(held: pd.DataFrame, probabilities: Any, classes: Classes, threshold: float) -> pd.DataFrame:
    """predictions.parquet: image, label, probability (of the positive class), predicted, fold, group."""
    positive = probabilities >= threshold
    return pd.DataFrame(
        {
            "image": held["image"],
            "label": held["label"],
            "probability": probabilities,
            "predicted": np.where(positive, classes.positive, classes.negative),
            "fold": held["fold"],
            "group": held["group"],
        }
    )


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


def write_json(path: Path, values: Any) -> None:
    """Indented, in the given order, ending in a line break."""
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
