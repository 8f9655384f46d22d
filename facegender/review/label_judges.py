"""Who doubts the labels on the review page: the networks of a cross-validation, where there is one, or a regression.

The networks were fine-tuned on such faces, of the other folds; the regression knows what ImageNet taught the frozen
backbone. Neither has seen the row that it judges.
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

NETWORKS: Final = "the networks of the cross-validation, each on the rows that it has not seen"
REGRESSION: Final = "a regression on the frozen backbone, each row by a fit that has not seen it"


def doubts(layout: Layout, splits: pd.DataFrame, positive: str, params: EvaluateParams) -> tuple[pd.DataFrame, str]:
    """The labelled rows as `find_suspects` ranks them, and who judged them.

    Raises
    ------
    UserError
        There is no cross-validation of these rows, and the features were not cached (online mode).
    """
    judged = by_networks(layout, splits, positive)
    if judged is not None:
        return judged, NETWORKS
    suspects = find_suspects(layout.features, splits, positive, params.crossfit_folds, params.seed)
    if suspects is None:
        remedy = "Set train.mode to features in params.yaml and run `facegender features`."
        raise UserError(str(layout.features), "features must be cached to find suspect labels", "online mode", remedy)
    return suspects, REGRESSION


def by_networks(layout: Layout, splits: pd.DataFrame, positive: str) -> pd.DataFrame | None:
    """By the out-of-fold predictions; None where there are none, or they are of other rows or of other labels.

    Other labels: a network that has learnt the label of yesterday would doubt the one that a person has mended.
    """
    path = layout.cross_validation / "evaluation" / "predictions.parquet"
    if not path.is_file():
        return None
    rows = splits.loc[~held_out(splits["fold"]), ["image", "label"]]
    predictions = pd.read_parquet(path, columns=["image", "label", "probability"])
    both = rows.merge(predictions, on="image", how="outer", suffixes=("", "_then"), indicator=True)
    if (both["_merge"] != "both").any() or (both["label"] != both["label_then"]).any():
        logger.info("review: the cross-validation is of other rows or labels, and is left out")
        return None
    labels = (both["label"] == positive).to_numpy(dtype=bool)
    quality, flagged = judge_labels(labels, both["probability"].to_numpy(np.float64))
    table = both[["image", "label"]].assign(probability=quality.round(6), flagged=flagged)
    return table.sort_values(["probability", "image"], kind="stable", ignore_index=True)
