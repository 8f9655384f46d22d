"""What a cross-validation tells: every training row, judged by the one network that has not seen it.

Leaves an evaluation folder beside the ensemble, with the files of `evaluate` that predict, submit and compare read:
predictions.parquet, decision.json and metrics.json, the last with the figures of each fold.

The intervals are over rows: they say how far other faces of the same kind would move a figure, not how far another
training would (no unbiased estimate of that exists for k folds: Bengio and Grandvalet 2004). `between_folds` shows it
roughly. A row is judged by one network: the ensemble cannot be judged on rows that its members trained on.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from facegender.decision.classes import Classes
from facegender.decision.decision import Decision
from facegender.decision.fitting import Choices, cross_fit, fit_decision
from facegender.evaluation.figures import baseline, metrics_json, rows_of
from facegender.files.atomic import atomic_folder
from facegender.files.json_files import write_json
from facegender.params.sections import EvaluateParams
from facegender.statistics.intervals import DIGITS
from facegender.statistics.metrics import confusion, measure

SPREAD: Final = ("accuracy", "roc_auc", "log_loss")


def judge_out_of_fold(table: pd.DataFrame, classes: Classes, params: EvaluateParams) -> tuple[Decision, pd.DataFrame]:
    """Fit calibration, threshold and abstention on all rows, and judge each by a fit on others.

    Parameters
    ----------
    table
        image, label, group, fold, raw_probability (of the positive class, by the network that has not seen the row).

    Returns
    -------
    The decision, and predictions.parquet with the columns of an evaluation's.
    """
    positive = (table["label"] == classes.positive).to_numpy(dtype=bool)
    raw = table["raw_probability"].to_numpy(np.float64)
    choices = Choices(params.calibration, params.threshold, params.abstain_error, params.crossfit_folds, params.seed)
    groups = table["group"].to_numpy(np.int64)
    judged = cross_fit(positive, raw, groups, choices)
    predictions = pd.DataFrame(
        {
            "image": table["image"],
            "label": table["label"],
            "probability": judged.answers.probability,
            "predicted": np.where(judged.answers.positive, classes.positive, classes.negative),
            "fold": table["fold"],
            "group": table["group"],
            "raw_probability": raw,
            "abstain": judged.answers.abstain,
            "covered": judged.covered,
        }
    )
    return fit_decision(positive, raw, groups, choices), predictions


def figures_by_fold(predictions: pd.DataFrame, classes: Classes, params: EvaluateParams) -> dict[str, Any]:
    """metrics.json: pooled over all rows, then `folds` (each fold's) and `between_folds` (their mean and spread)."""

    def figures(rows: pd.DataFrame) -> dict[str, Any]:
        judged = rows_of(rows, classes)
        rng = np.random.default_rng(params.seed)
        estimates = measure(judged, params.calibration_bins, params.bootstrap, rng)
        return metrics_json(estimates, confusion(judged), classes)

    pooled = figures(predictions) | {"baseline_accuracy": baseline(rows_of(predictions, classes), classes).as_dict()}
    folds = {str(fold): figures(rows) for fold, rows in predictions.groupby("fold")}
    return pooled | {"folds": folds, "between_folds": {name: _spread(name, folds) for name in SPREAD}}


def _spread(name: str, folds: dict[str, dict[str, Any]]) -> dict[str, float]:
    values = np.array([fold[name]["value"] for fold in folds.values()], np.float64)
    return {
        "mean": round(float(values.mean()), DIGITS),
        "standard_deviation": round(float(values.std(ddof=1)), DIGITS),
    }


def write_out_of_fold(out: Path, table: pd.DataFrame, classes: Classes, params: EvaluateParams) -> dict[str, Any]:
    """Write the evaluation folder; gives metrics.json's content."""
    decision, predictions = judge_out_of_fold(table, classes, params)
    figures = figures_by_fold(predictions, classes, params)
    with atomic_folder(out) as folder:
        predictions.to_parquet(folder / "predictions.parquet", index=False)
        for name, content in (("decision", decision.as_dict()), ("metrics", figures)):
            write_json(folder / f"{name}.json", content)
    return figures
