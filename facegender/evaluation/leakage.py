"""Leakage: near-duplicates of the reported rows in training, in the test set, and among the reported rows themselves.

`split` keeps a group together, so none should be in training. This module counts them and scores the rows without.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from facegender.files.image_names import lookup
from facegender.files.splits import held_out
from facegender.statistics.intervals import Estimate
from facegender.statistics.metrics import BoolArray, JudgedRows, measure

UNDEFINED = Estimate(None, None, None, 0)
SHOWN = ("accuracy", "balanced_accuracy", "roc_auc", "log_loss")


@dataclass(frozen=True)
class Copies:
    """Which of n rows have a near-duplicate elsewhere.

    Attributes
    ----------
    in_training
        bool (n,): among the rows that trained the model or chose its epoch.
    in_test
        bool (n,): among the test images.
    repeated
        bool (n,): in an earlier row of these n.
    """

    in_training: BoolArray
    in_test: BoolArray
    repeated: BoolArray

    @property
    def alone(self) -> BoolArray:
        """bool (n,): the row has no near-duplicate in training or test, and is the first of its group."""
        return ~(self.in_training | self.in_test | self.repeated)


def find_copies(predictions: pd.DataFrame, splits: pd.DataFrame, in_test: pd.Series) -> Copies:
    """Look up the groups of predictions.parquet's rows among those of splits.parquet and of the test images."""
    used = splits.loc[~held_out(splits["fold"]) & (lookup(splits["image"], predictions["image"]) < 0), "group"]
    group = predictions["group"]
    return Copies(
        group.isin(used).to_numpy(dtype=bool),
        group.isin(in_test).to_numpy(dtype=bool),
        group.duplicated().to_numpy(dtype=bool),
    )


def measure_without_copies(
    rows: JudgedRows, copies: Copies, bins: int, resamples: int, rng: np.random.Generator
) -> dict[str, object]:
    """Make the part of metrics.json on near-duplicates: how many rows have some, and the scores without those rows."""
    alone = rows.take(copies.alone)
    figures = measure(alone, bins, resamples, rng) if len(alone) else dict.fromkeys(SHOWN, UNDEFINED)
    return {
        "in_training": int(copies.in_training.sum()),
        "in_test": int(copies.in_test.sum()),
        "repeated": int(copies.repeated.sum()),
        "without": {name: figures[name].as_dict() for name in SHOWN},
    }
