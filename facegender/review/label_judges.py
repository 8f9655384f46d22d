"""Rank labels for the review page with the networks of a cross-validation or, without one, with a regression.

The networks were fine-tuned on faces; the regression only uses the features of the frozen backbone. Each row is judged
by a network or a fit that has not seen it.
"""

import logging
from typing import Final

import numpy as np
import pandas as pd

from facegender.errors import UserError
from facegender.evaluation.label_issues import find_suspects, judge_labels
from facegender.files.layout import Layout
from facegender.files.splits import held_out
from facegender.params.sections import EvaluateParams

logger = logging.getLogger(__name__)

NETWORKS: Final = "the networks of the cross-validation, each on rows that it was not trained on"
REGRESSION: Final = "a logistic regression on the frozen backbone, each row by a fit without it"


def rank_suspects(
    layout: Layout, splits: pd.DataFrame, positive: str, params: EvaluateParams
) -> tuple[pd.DataFrame, str]:
    """Rank the labelled rows, the most suspect first, in a table as `find_suspects` returns it.

    Returns
    -------
    The table, and NETWORKS or REGRESSION.

    Raises
    ------
    UserError
        There is no cross-validation of these rows, and the features were not cached (online mode).
    """
    ranked = rank_by_networks(layout, splits, positive)
    if ranked is not None:
        return ranked, NETWORKS
    suspects = find_suspects(layout.features, splits, positive, params.crossfit_folds, params.seed)
    if suspects is None:
        remedy = "Set train.mode to features in params.yaml and run `facegender features`."
        raise UserError(str(layout.features), "features must be cached to find suspect labels", "online mode", remedy)
    return suspects, REGRESSION


def rank_by_networks(layout: Layout, splits: pd.DataFrame, positive: str) -> pd.DataFrame | None:
    """Rank by the out-of-fold predictions; return None if there are none, or if their rows or labels differ.

    A network that was trained on an old, wrong label would call a corrected label wrong.
    """
    path = layout.cross_validation / "evaluation" / "predictions.parquet"
    if not path.is_file():
        return None
    rows = splits.loc[~held_out(splits["fold"]), ["image", "label"]]
    predictions = pd.read_parquet(path, columns=["image", "label", "probability"])
    both = rows.merge(predictions, on="image", how="outer", suffixes=("", "_then"), indicator=True)
    if (both["_merge"] != "both").any() or (both["label"] != both["label_then"]).any():
        logger.info("review: the cross-validation has other rows or labels, and is ignored")
        return None
    labels = (both["label"] == positive).to_numpy(dtype=bool)
    quality, flagged = judge_labels(labels, both["probability"].to_numpy(np.float64))
    table = both[["image", "label"]].assign(probability=quality.round(6), flagged=flagged)
    return table.sort_values(["probability", "image"], kind="stable", ignore_index=True)
