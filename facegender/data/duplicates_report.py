"""The part of validation.json about duplicates."""

from typing import Any

import numpy as np
import pandas as pd

from facegender.data.arrays import RowMask, RowNumbers

MAX_GROUPS = 200  # listed of each kind; the counts are complete
MAX_MEMBERS = 10  # listed of each group


def describe_duplicates(frame: pd.DataFrame, copies: RowNumbers, groups: RowNumbers) -> dict[str, Any]:
    """Count and list the groups of more than one image.

    Parameters
    ----------
    frame
        image, role, label; one row per image.
    copies, groups
        int64 (n,), from `find_exact_copies` and `group_duplicates`.
    """
    sizes = np.bincount(groups)
    copy_sizes = np.bincount(copies)
    labels = frame["label"].cat.codes.to_numpy()
    in_test = (frame["role"] == "test").to_numpy()

    def mark_groups(rows: RowMask) -> RowMask:
        """Mark the groups that contain one of the rows."""
        return np.bincount(groups[rows], minlength=len(sizes)) > 0

    contradictory = mark_groups(labels == 0) & mark_groups(labels == 1)
    leaking = mark_groups(in_test) & mark_groups(~in_test)
    return {
        "exact_groups": int((copy_sizes > 1).sum()),
        "exact_images": int(copy_sizes[copy_sizes > 1].sum()),
        "groups": int((sizes > 1).sum()),
        "images": int(sizes[sizes > 1].sum()),
        "largest_group": int(sizes.max()),
        "contradictory_groups": int(contradictory.sum()),
        "contradictory": _list_groups(frame, copies, groups, contradictory),
        "groups_in_train_and_test": int(leaking.sum()),
        "train_images_in_test": int((leaking[groups] & ~in_test).sum()),
        "in_train_and_test": _list_groups(frame, copies, groups, leaking),
    }


def _list_groups(frame: pd.DataFrame, copies: RowNumbers, groups: RowNumbers, wanted: RowMask) -> list[dict[str, Any]]:
    rows = np.flatnonzero(wanted[groups])
    rows = rows[np.argsort(groups[rows], kind="stable")]
    listed = []
    for members in np.split(rows, np.flatnonzero(np.diff(groups[rows])) + 1)[:MAX_GROUPS]:
        if not len(members):
            continue
        some = frame.iloc[members[:MAX_MEMBERS]]
        images = [
            {"image": image, "role": role, "label": None if pd.isna(label) else label}
            for image, role, label in zip(some["image"], some["role"], some["label"], strict=True)
        ]
        kind = "exact" if len(np.unique(copies[members])) == 1 else "near"
        listed.append({"kind": kind, "size": len(members), "images": images})
    return listed
