"""A new model against the one that was promoted last, the champion.

artifacts/champion/ holds, where a model has been promoted, its model/ and its evaluation/. No stage makes it, so DVC
does not watch it: the comparison is with the champion of the moment at which `evaluate` ran.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegender.decision.classes import Classes
from facegender.evaluation.compare import common_rows, compare, read_evaluated

logger = logging.getLogger(__name__)


def read_champion(folder: Path, classes: Classes) -> pd.DataFrame | None:
    """predictions.parquet of the champion's evaluation, by image.

    None where no model has been promoted, or the champion has other classes than the new model.
    """
    evaluation = folder / "evaluation"
    if not (evaluation / "predictions.parquet").exists():
        return None
    champion = read_evaluated(evaluation)
    if champion.classes != (classes.negative, classes.positive):
        logger.info("evaluate: the champion has the classes %s and %s, and is not compared with", *champion.classes)
        return None
    return champion.predictions


def against_champion(
    champion: pd.DataFrame,
    predictions: pd.DataFrame,
    classes: Classes,
    margin: float,
    resamples: int,
    rng: np.random.Generator,
) -> dict[str, Any] | None:
    """The part of metrics.json on the champion (A) and this model (B), by the rule of `facegender compare`.

    Both are judged by the labels of today on the rows that neither was trained on; None where there are none.
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
