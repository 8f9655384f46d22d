"""predictions.parquet: one row for each judged image."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegender.decision.classes import Classes, read_classes
from facegender.decision.fitting import Choices, LabelledAnswers
from facegender.errors import UserError
from facegender.files.json_files import read_json
from facegender.params.sections import EvaluateParams
from facegender.statistics.intervals import FloatArray
from facegender.statistics.metrics import JudgedRows


def choices_from(params: EvaluateParams) -> Choices:
    """Take from params what to fit on validation rows, and how."""
    return Choices(params.calibration, params.threshold, params.abstain_error, params.crossfit_folds, params.seed)


def make_predictions(rows: pd.DataFrame, raw: FloatArray, judged: LabelledAnswers, classes: Classes) -> pd.DataFrame:
    """Make predictions.parquet from rows and their answers.

    Parameters
    ----------
    rows
        image, label, group, fold.
    raw
        float64 (n,): the model's own probability of the positive class.

    Returns
    -------
    image, label, probability (calibrated, of the positive class), predicted, fold, group, raw_probability (the model's
    own), abstain, covered (the conformal set holds the label).
    """
    return pd.DataFrame(
        {
            "image": rows["image"],
            "label": rows["label"],
            "probability": judged.answers.probability,
            "predicted": np.where(judged.answers.positive, classes.positive, classes.negative),
            "fold": rows["fold"],
            "group": rows["group"],
            "raw_probability": raw,
            "abstain": judged.answers.abstain,
            "covered": judged.covered,
        }
    )


@dataclass(frozen=True)
class Evaluated:
    """A model's evaluation.

    Attributes
    ----------
    predictions
        predictions.parquet, by image.
    classes
        Negative and positive label of the model.
    """

    predictions: pd.DataFrame
    classes: tuple[str, str]


def read_evaluated(folder: Path) -> Evaluated:
    """Read the evaluation beside a model folder, or an evaluation folder itself.

    Raises
    ------
    UserError
        There is no evaluation, it belongs to another model, or nothing says which class is the positive one.
    """
    here = folder.resolve()
    is_model = (here / "classes.json").is_file()
    evaluation = here.with_name("evaluation") if is_model else here
    path = evaluation / "predictions.parquet"
    if not path.is_file():
        remedy = "Run `facegender evaluate` for it."
        raise UserError(str(folder), "must be a model that was evaluated, or its evaluation folder", None, remedy)
    predictions = pd.read_parquet(path).set_index("image")
    classes = _find_classes(evaluation, here if is_model else here.with_name("model"))
    others = predictions.loc[~predictions["predicted"].isin(classes), "predicted"]
    if len(others):
        expected = f"must be the evaluation of a model with the classes {' and '.join(classes)}"
        raise UserError(str(evaluation), expected, f"the answer {others.iloc[0]!r}", "Evaluate the model again.")
    return Evaluated(predictions, classes)


def _find_classes(evaluation: Path, model: Path) -> tuple[str, str]:
    """Read negative and positive label from the model's classes.json or, if the evaluation stands alone, metrics.json.

    A copy of the evaluation under another name stands alone: the model beside it may be a later one.
    """
    if evaluation.name == "evaluation" and (model / "classes.json").is_file():
        classes = read_classes(model)
        return classes.negative, classes.positive
    metrics = evaluation / "metrics.json"
    labels = read_labels(read_json(metrics)) if metrics.is_file() else None
    if labels is None:
        raise UserError(
            str(evaluation),
            "an evaluation without its model must have the metrics.json that `facegender evaluate` wrote, which says "
            "which class is the positive one",
            "none" if not metrics.is_file() else "classes in an order that its counts contradict",
            "Give the model's folder instead, with the evaluation beside it.",
        )
    return labels


def read_labels(metrics: Mapping[str, Any]) -> tuple[str, str] | None:
    """Read negative and positive label from metrics.json, whose `classes` names them in this order.

    None if the counts contradict the order, as in a file that a tool has sorted by key.
    """
    counts, by_class = metrics["confusion"], metrics["classes"]
    negative, positive = by_class
    negatives = counts["true_negative"] + counts["false_positive"]
    positives = counts["true_positive"] + counts["false_negative"]
    stated = tuple(by_class[label]["recall"]["n"] for label in (negative, positive))
    return (negative, positive) if stated == (negatives, positives) else None


def judged_rows(predictions: pd.DataFrame, classes: Classes, probability: str = "probability") -> JudgedRows:
    """Take the arrays out of a predictions table; `probability` names the column."""
    return JudgedRows(
        (predictions["label"] == classes.positive).to_numpy(dtype=bool),
        predictions[probability].to_numpy(dtype=np.float64),
        (predictions["predicted"] == classes.positive).to_numpy(dtype=bool),
        predictions["group"].to_numpy(dtype=np.int64),
    )
