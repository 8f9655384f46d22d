"""A new model compared with the champion: the model that was promoted last.

artifacts/champion/ holds the model/ and evaluation/ of the champion, if a model has been promoted. No stage makes this
folder, so DVC does not watch it: the comparison is with the champion at the time when `evaluate` ran.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegender.decision.classes import Classes
from facegender.evaluation.compare import common_rows, compare
from facegender.evaluation.predictions import read_evaluated

logger = logging.getLogger(__name__)


def read_champion(folder: Path, classes: Classes) -> pd.DataFrame | None:
    """Read the champion's predictions.parquet, by image.

    None if no model has been promoted, or if the champion has other classes than the new model.
    """
    evaluation = folder / "evaluation"
    if not (evaluation / "predictions.parquet").exists():
        return None
    champion = read_evaluated(evaluation)
    if champion.classes != (classes.negative, classes.positive):
        logger.info("evaluate: the champion is not compared, because its classes are %s and %s", *champion.classes)
        return None
    return champion.predictions


def compare_with_champion(
    champion: pd.DataFrame,
    predictions: pd.DataFrame,
    classes: Classes,
    margin: float,
    resamples: int,
    rng: np.random.Generator,
) -> dict[str, Any] | None:
    """Compare the champion (A) with this model (B) by the rule of `facegender compare`, for metrics.json.

    Both are judged by today's labels, on the rows that neither was trained on. None if there are no such rows.
    """
    ours = predictions.set_index("image")
    both = champion[champion.index.isin(ours.index)]
    if both.empty:
        return None
    relabelled = both.assign(label=ours["label"].reindex(both.index))
    found = compare(common_rows(relabelled, ours, ("champion", "model")), classes.positive, resamples, rng)
    return {
        "champion_accuracy": found.first.as_dict(),
        "accuracy": found.second.as_dict(),
        "difference": found.difference.as_dict(),
        "log_loss_difference": found.log_loss.as_dict(),
        "p_value": round(found.p_value, 6),
        "margin": margin,
        "verdict": found.verdict(margin),
    }
