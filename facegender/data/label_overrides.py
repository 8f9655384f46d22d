"""label_overrides.csv: a person's decisions about labels that looked wrong, and how they change the list of images.

Three columns, in any order, one row per image of train.csv:

    image       the name, as in train.csv
    label       the label in train.csv, which the person saw; not the new one
    decision    keep: the label is right | flip: use the other class | drop: quarantine the image

The label is repeated to detect a decision about a label that has been corrected in train.csv since. Otherwise `flip`
would make the corrected label wrong again. `facegender review` writes the file; any editor can.
"""

from typing import Final

import numpy as np
import pandas as pd

from facegender.data.rows import Listing, format_examples, is_in, is_repeated
from facegender.data.tables import Table
from facegender.errors import UserError

COLUMNS: Final = ("image", "label", "decision")
DECISIONS: Final = ("keep", "flip", "drop")
DROPPED: Final = "dropped by label_overrides.csv"
NO_OVERRIDES: Final = {"flipped": 0, "dropped": 0, "kept": 0}


def apply_overrides(overrides: Table, listing: Listing) -> dict[str, int]:
    """Apply the overrides to `listing`, in place, and count them: {"flipped", "dropped", "kept"}.

    Raises
    ------
    UserError
        See `check_overrides`; or a name is not in train.csv, or a label is not (or no longer) the one in train.csv.
    """
    check_overrides(overrides, listing.classes)
    frame = listing.frame
    names = overrides.frame["image"]
    in_train = (frame["role"] == "train").to_numpy()
    rows = np.flatnonzero(is_in(frame["image"], names) & in_train)
    row_of = dict(zip(frame["image"].iloc[rows], rows.tolist(), strict=True))
    unknown = names[~names.isin(list(row_of))]
    if len(unknown):
        received = f"{len(unknown)} that are not: {format_examples(unknown)}"
        where = overrides.where(unknown.index[0])
        raise UserError(where, "the image must be in train.csv", received, "Remove their rows, or correct the names.")
    labels = frame["label"].cat.codes.to_numpy(copy=True)
    counts = dict.fromkeys(DECISIONS, 0)
    for where, image, label, decision in overrides.frame[list(COLUMNS)].itertuples(name=None):
        row = row_of[image]
        seen = listing.classes.index(label)
        if labels[row] != seen:
            now = repr(listing.classes[labels[row]]) if labels[row] >= 0 else "which is missing or contradictory"
            raise UserError(
                overrides.where(where),
                f"the label of {image} must be the one in train.csv, {now}",
                repr(label),
                "The label has changed since the decision. Remove the row and review the image again.",
            )
        counts[decision] += 1
        if decision == "flip":
            labels[row] = 1 - seen
        elif decision == "drop":
            listing.reasons.setdefault(row, DROPPED)
    frame["label"] = pd.Categorical.from_codes(labels, pd.Index(list(listing.classes)))
    return {"flipped": counts["flip"], "dropped": counts["drop"], "kept": counts["keep"]}


def check_overrides(overrides: Table, classes: tuple[str, str]) -> None:
    """Check what needs no other file.

    Raises
    ------
    UserError
        A column is missing, a label or a decision is not one of those allowed, or a name has two rows.
    """
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
    repeated = frame.loc[is_repeated(frame["image"]), "image"]
    if len(repeated):
        where, received = overrides.where(repeated.index[0]), format_examples(repeated)
        raise UserError(where, "each image may have only one row", received, "Keep one decision for each image.")
