"""predictions.parquet: one row for each judged image."""

from pathlib import Path

import numpy as np
import pandas as pd

from facegender.decision.classes import Classes
from facegender.decision.decision import Choices, Judged
from facegender.errors import UserError
from facegender.params.sections import EvaluateParams
from facegender.statistics.intervals import FloatArray
from facegender.statistics.metrics import JudgedRows


def choices_from(params: EvaluateParams) -> Choices:
    """Take from params what to fit on validation rows, and how."""
    return Choices(params.calibration, params.threshold, params.abstain_error, params.crossfit_folds, params.seed)


def make_predictions(rows: pd.DataFrame, raw: FloatArray, judged: Judged, classes: Classes) -> pd.DataFrame:
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
            "probability": judged.probabilities,
            "predicted": np.where(judged.predicted, classes.positive, classes.negative),
            "fold": rows["fold"],
            "group": rows["group"],
            "raw_probability": raw,
            "abstain": judged.abstain,
            "covered": judged.covered,
        }
    )


def read_predictions(folder: Path) -> pd.DataFrame:
    """Read predictions.parquet of an evaluation folder, or of the evaluation beside a model folder, by image.

    Raises
    ------
    UserError
        Neither folder holds the file.
    """
    beside = folder.resolve().parent / "evaluation"
    for place in (folder, beside):
        path = place / "predictions.parquet"
        if path.exists():
            return pd.read_parquet(path).set_index("image")
    remedy = "Run `facegender evaluate` for it."
    raise UserError(str(folder), "must be a model that was evaluated, or its evaluation folder", None, remedy)


def judged_rows(predictions: pd.DataFrame, classes: Classes, probability: str = "probability") -> JudgedRows:
    """Take the arrays out of a predictions table; `probability` names the column."""
    return JudgedRows(
        (predictions["label"] == classes.positive).to_numpy(dtype=bool),
        predictions[probability].to_numpy(dtype=np.float64),
        (predictions["predicted"] == classes.positive).to_numpy(dtype=bool),
        predictions["group"].to_numpy(dtype=np.int64),
    )
