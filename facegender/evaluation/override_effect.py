"""What the decisions of label_overrides.csv changed in the rows that are reported on."""

from pathlib import Path
from typing import Any

import pandas as pd

from facegender.data.tables import read_table
from facegender.statistics.intervals import wilson


def read_overrides(path: Path) -> pd.DataFrame | None:
    """label_overrides.csv, which `validate` has checked, as text: image, label, decision; None where there is none."""
    return read_table(path).frame[["image", "label", "decision"]] if path.exists() else None


def effect(predictions: pd.DataFrame, overrides: pd.DataFrame) -> dict[str, Any]:
    """The part of metrics.json on overrides.

    Parameters
    ----------
    predictions
        predictions.parquet's rows, labelled as decided.
    overrides
        image, label (as in train.csv, before the decision), decision.

    Returns
    -------
    Counts of the decisions in all; `judged_by_other_labels`, the rows reported on whose label was flipped; and
    `accuracy_by_earlier_labels`, the accuracy that the same predictions have by the labels of train.csv.
    """
    counts = overrides["decision"].value_counts()
    flipped = overrides[overrides["decision"] == "flip"].set_index("image")["label"]
    before = predictions["image"].map(flipped).fillna(predictions["label"])
    right = int((predictions["predicted"] == before).sum())
    return {
        **{done: int(counts.get(decision, 0)) for done, decision in DONE},
        "judged_by_other_labels": int((before != predictions["label"]).sum()),
        "accuracy_by_earlier_labels": wilson(right, len(predictions)).as_dict(),
    }


DONE = (("flipped", "flip"), ("dropped", "drop"), ("kept", "keep"))
