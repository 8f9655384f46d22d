"""label_overrides.csv: what a person decided about labels that looked wrong, and how it changes the list of images.

Three columns, in any order, one row per image of train.csv:

    image       the name, as in train.csv
    label       the label that train.csv gives it, which the person saw; not the one it becomes
    decision    keep: the label is right | flip: the other class | drop: set the image aside

The label is repeated so that a decision about a label that has been mended in train.csv since is found out instead of
turning the mended one around again. `facegender review` writes the file; any editor may.
"""

from typing import Final

import numpy as np
import pandas as pd

from facegender.data.rows import Listing, among, examples, repeats
from facegender.data.tables import Table
from facegender.errors import UserError

COLUMNS: Final = ("image", "label", "decision")
DECISIONS: Final = ("keep", "flip", "drop")
DROPPED: Final = "dropped by label_overrides.csv"
NONE: Final = {"flipped": 0, "dropped": 0, "kept": 0}


def apply_overrides(overrides: Table, listing: Listing) -> dict[str, int]:
    """Change `listing` as the overrides say, and count what they did: {"flipped", "dropped", "kept"}.

    Raises
    ------
    UserError
        A column is missing, a name is not in train.csv or stands twice, a label or decision is none that exists, or
        the label is not (or no longer) that of train.csv.
    """
    check_overrides(overrides, listing.classes)
    frame = listing.frame
    names = overrides.frame["image"]
    in_train = (frame["role"] == "train").to_numpy()
    rows = np.flatnonzero(among(frame["image"], names) & in_train)
    row_of = dict(zip(frame["image"].iloc[rows], rows.tolist(), strict=True))
    unknown = names[~names.isin(list(row_of))]
    if len(unknown):
        received = f"{len(unknown)} that are not: {examples(unknown)}"
        where = overrides.where(unknown.index[0])
        raise UserError(where, "the image must be in train.csv", received, "Remove their rows, or mend the names.")
    labels = frame["label"].cat.codes.to_numpy(copy=True)
    counts = dict.fromkeys(DECISIONS, 0)
    for where, image, label, decision in overrides.frame[list(COLUMNS)].itertuples(name=None):
        row = row_of[image]
        seen = listing.classes.index(label)
        if labels[row] != seen:
            now = repr(listing.classes[labels[row]]) if labels[row] >= 0 else "none to trust"
            raise UserError(
                overrides.where(where),
                f"the label of {image} must be the one that train.csv gives it, {now}",
                repr(label),
                "The label has changed since the decision. Remove the row, and review the image again.",
            )
        counts[decision] += 1
        if decision == "flip":
            labels[row] = 1 - seen
        elif decision == "drop":
            listing.reasons.setdefault(row, DROPPED)
    frame["label"] = pd.Categorical.from_codes(labels, pd.Index(list(listing.classes)))
    return {"flipped": counts["flip"], "dropped": counts["drop"], "kept": counts["keep"]}


def check_overrides(overrides: Table, classes: tuple[str, str]) -> None:
    """What can be said of the file alone; raises UserError."""
    frame = overrides.frame
    for column in COLUMNS:
        if column not in frame.columns:
            headers = ", ".join(frame.columns)
            raise UserError(overrides.where(), f"the column {column!r} must be there", headers)
    for column, allowed in (("label", classes), ("decision", DECISIONS)):
        odd = frame.loc[~frame[column].isin(allowed), column]
        if len(odd):
            expected = f"{column} must be one of {', '.join(allowed)}"
            raise UserError(overrides.where(odd.index[0]), expected, repr(odd.iloc[0]))
    twice = frame.loc[repeats(frame["image"]), "image"]
    if len(twice):
        remedy = "Keep one decision for each image."
        raise UserError(overrides.where(twice.index[0]), "an image may stand in one row only", examples(twice), remedy)
