"""The evaluation of a cross-validation: every training row is judged by the one network that was not trained on it.

It writes an evaluation folder beside the ensemble, with the files that predict, submit and compare read:
predictions.parquet, decision.json and metrics.json, the last with the figures of each fold.

The intervals are over rows: they say how much a figure would change on other faces of the same kind, not after another
training (no unbiased estimate of that exists for k folds: Bengio and Grandvalet 2004); `between_folds` gives a rough
idea. One network judges each row, because the ensemble cannot be judged on rows that its members were trained on.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from facegender.decision.classes import Classes
from facegender.decision.decision import Decision
from facegender.decision.fitting import cross_fit, fit_decision
from facegender.evaluation.figures import baseline, metrics_json
from facegender.evaluation.predictions import choices_from, judged_rows, make_predictions
from facegender.files.atomic import atomic_folder
from facegender.files.json_files import write_json
from facegender.params.sections import EvaluateParams
from facegender.statistics.intervals import DIGITS
from facegender.statistics.metrics import confusion, measure

SPREAD: Final = ("accuracy", "roc_auc", "log_loss")


def judge_out_of_fold(table: pd.DataFrame, classes: Classes, params: EvaluateParams) -> tuple[Decision, pd.DataFrame]:
    """Fit calibration, threshold and abstention on all rows, and judge each row by a fit on other rows.

    Parameters
    ----------
    table
        image, label, group, fold, raw_probability (of the positive class, by the network not trained on the row).

    Returns
    -------
    The decision, and predictions.parquet with the columns of `make_predictions`.
    """
    positive = (table["label"] == classes.positive).to_numpy(dtype=bool)
    raw = table["raw_probability"].to_numpy(np.float64)
    choices = choices_from(params)
    groups = table["group"].to_numpy(np.int64)
    judged = cross_fit(positive, raw, groups, choices)
    return fit_decision(positive, raw, groups, choices), make_predictions(table, raw, judged, classes)


def figures_by_fold(predictions: pd.DataFrame, classes: Classes, params: EvaluateParams) -> dict[str, Any]:
    """Compute metrics.json: figures over all rows, `folds` (of each fold) and `between_folds` (mean and spread)."""

    def figures(rows: pd.DataFrame) -> dict[str, Any]:
        judged = judged_rows(rows, classes)
        rng = np.random.default_rng(params.seed)
        estimates = measure(judged, params.calibration_bins, params.bootstrap, rng)
        return metrics_json(estimates, confusion(judged), classes)

    pooled = figures(predictions) | {
        "baseline_accuracy": baseline(judged_rows(predictions, classes), classes).as_dict()
    }
    folds = {str(fold): figures(rows) for fold, rows in predictions.groupby("fold")}
    return pooled | {"folds": folds, "between_folds": {name: _spread(name, folds) for name in SPREAD}}


def _spread(name: str, folds: dict[str, dict[str, Any]]) -> dict[str, float]:
    values = np.array([fold[name]["value"] for fold in folds.values()], np.float64)
    return {
        "mean": round(float(values.mean()), DIGITS),
        "standard_deviation": round(float(values.std(ddof=1)), DIGITS),
    }


def write_out_of_fold(out: Path, table: pd.DataFrame, classes: Classes, params: EvaluateParams) -> dict[str, Any]:
    """Write the evaluation folder; give the content of metrics.json."""
    decision, predictions = judge_out_of_fold(table, classes, params)
    figures = figures_by_fold(predictions, classes, params)
    with atomic_folder(out) as folder:
        predictions.to_parquet(folder / "predictions.parquet", index=False)
        for name, content in (("decision", decision.as_dict()), ("metrics", figures)):
            write_json(folder / f"{name}.json", content)
    return figures
