"""The effect of label_overrides.csv on the reported rows."""

from pathlib import Path
from typing import Any

import pandas as pd

from facegender.data.tables import read_table
from facegender.statistics.intervals import wilson


def read_overrides(path: Path) -> pd.DataFrame | None:
    """Read label_overrides.csv as text: image, label, decision; None if there is none. `validate` has checked it."""
    return read_table(path).frame[["image", "label", "decision"]] if path.exists() else None


def measure_override_effect(predictions: pd.DataFrame, overrides: pd.DataFrame) -> dict[str, Any]:
    """Make the part of metrics.json on overrides.

    Parameters
    ----------
    predictions
        The rows of predictions.parquet, with the labels as a person decided.
    overrides
        image, label (as in train.csv, before the decision), decision.

    Returns
    -------
    How many labels were flipped, dropped and kept; `judged_by_other_labels`: the number of reported rows whose label
    was flipped; `accuracy_by_earlier_labels`: the accuracy of the same predictions by the labels of train.csv.
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
