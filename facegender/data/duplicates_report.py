"""What validation.json says of duplicates."""

from typing import Any

import numpy as np
import pandas as pd

from facegender.data.duplicates import RowNumbers

LISTED = 200  # of each kind, at most; the counts are complete
MEMBERS = 10  # of one group, at most


def describe_duplicates(frame: pd.DataFrame, copies: RowNumbers, groups: RowNumbers) -> dict[str, Any]:
    """Count and list the groups of more than one image.

    Parameters
    ----------
    frame
        image, role, label, one row per image.
    copies, groups
        int64 (n,), of `exact_copies` and `group`.
    """
    sizes = np.bincount(groups)
    copy_sizes = np.bincount(copies)
    labels = frame["label"].cat.codes.to_numpy()
    in_test = (frame["role"] == "test").to_numpy()

    def groups_of(rows: "np.ndarray[Any, np.dtype[np.bool_]]") -> "np.ndarray[Any, np.dtype[np.bool_]]":
        return np.bincount(groups[rows], minlength=len(sizes)) > 0

    contradictory = groups_of(labels == 0) & groups_of(labels == 1)
    leaking = groups_of(in_test) & groups_of(~in_test)
    return {
        "exact_groups": int((copy_sizes > 1).sum()),
        "exact_images": int(copy_sizes[copy_sizes > 1].sum()),
        "groups": int((sizes > 1).sum()),
        "images": int(sizes[sizes > 1].sum()),
        "largest_group": int(sizes.max()),
        "contradictory_groups": int(contradictory.sum()),
        "contradictory": _list(frame, copies, groups, contradictory),
        "groups_in_train_and_test": int(leaking.sum()),
        "train_images_in_test": int((leaking[groups] & ~in_test).sum()),
        "in_train_and_test": _list(frame, copies, groups, leaking),
    }


def _list(
    frame: pd.DataFrame, copies: RowNumbers, groups: RowNumbers, wanted: "np.ndarray[Any, np.dtype[np.bool_]]"
) -> list[dict[str, Any]]:
    rows = np.flatnonzero(wanted[groups])
    rows = rows[np.argsort(groups[rows], kind="stable")]
    listed = []
    for members in np.split(rows, np.flatnonzero(np.diff(groups[rows])) + 1)[:LISTED]:
        if not len(members):
            continue
        some = frame.iloc[members[:MEMBERS]]
        images = [
            {"image": image, "role": role, "label": None if pd.isna(label) else label}
            for image, role, label in zip(some["image"], some["role"], some["label"], strict=True)
        ]
        kind = "exact" if len(np.unique(copies[members])) == 1 else "near"
        listed.append({"kind": kind, "size": len(members), "images": images})
    return listed
