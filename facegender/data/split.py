"""Stage split: choose the validation rows, stratified by label, with each group of duplicates on one side.

Only training rows with the status "ok" in index.parquet are split. Quarantined rows, among them exact copies with
contradicting labels, are left out. Near copies with different labels stay together in one fold. A holdout is used by
`evaluate` only, which then reports on it alone. The fold codes are those of facegender/files/splits.py.
"""

import numpy as np
import pandas as pd

from facegender.errors import UserError
from facegender.files.atomic import atomic_file
from facegender.files.layout import Layout
from facegender.files.splits import HOLDOUT, NEVER_VALIDATED, VALIDATION, held_out
from facegender.params.sections import SplitParams
from facegender.params.stage_params import SplitStageParams
from facegender.statistics.intervals import FloatArray, IntArray
from facegender.statistics.stratify import assign


def split(layout: Layout, params: SplitStageParams) -> None:
    """Read index.parquet; write splits.parquet: image, label, group, fold.

    The assignment depends on names, labels, groups and the seed, not on the order of train.csv.

    Raises
    ------
    UserError
        There is only one class, or a class has too few groups to be on every side.
    """
    wanted = [("role", "==", "train"), ("status", "==", "ok")]
    rows = pd.read_parquet(layout.index, columns=["image", "label", "group"], filters=wanted)
    if rows["label"].nunique() < 2:
        received = f"only {rows['label'].iloc[0]!r}" if len(rows) else "no usable rows"
        raise UserError("train.csv", "the rows that are not quarantined must have two classes", received)
    values = params.split
    codes, shares = list_parts(values)
    sides = f"both sides of a {values.validation:.0%} validation split"
    if values.holdout:
        sides += f" and in a holdout of {values.holdout:.0%}"
    part = _assign_parts(rows, shares, values.seed, sides, "split.validation or split.holdout")
    folds = codes[part].astype(np.int8)
    with atomic_file(layout.splits) as file:
        rows.assign(fold=folds).to_parquet(file, index=False)


def list_parts(params: SplitParams) -> tuple[IntArray, FloatArray]:
    """List the fold code of each part of a split, int64 (parts,), and its share of the rows, float64 (parts,), sum 1.

    Examples
    --------
    >>> codes, shares = list_parts(SplitParams(validation=0.25))
    >>> codes.tolist(), shares.tolist()
    ([0, -1], [0.25, 0.75])
    """
    codes = [VALIDATION, NEVER_VALIDATED]
    shares = [params.validation, 1 - params.validation - params.holdout]
    if params.holdout:
        codes, shares = [HOLDOUT, *codes], [params.holdout, *shares]
    return np.array(codes, np.int64), np.array(shares)


def assign_folds(splits: pd.DataFrame, count: int, seed: int) -> IntArray:
    """Assign each row of splits.parquet to the fold, 0..count-1, in which a cross-validation validates it: int64 (n,).

    Held-out rows keep their code and take no part. The rest of the split does not matter: every other row validates
    once.

    Raises
    ------
    UserError
        A class has too few groups to be in every fold.
    """
    takes_part = ~held_out(splits["fold"])
    part = _assign_parts(splits[takes_part], np.full(count, 1 / count), seed, f"{count} folds", "cross_validate.folds")
    folds = np.full(len(splits), HOLDOUT, np.int64)
    folds[takes_part] = part
    return folds


def _assign_parts(rows: pd.DataFrame, shares: FloatArray, seed: int, where: str, parameter: str) -> IntArray:
    """Assign each row to a part, int64 (n,), independently of the order of the rows.

    Parameters
    ----------
    rows
        image, label, group.
    shares
        float64 (parts,): share of the rows for each part.
    where, parameter
        Names of all parts, and of the parameter that decides them, for the message.

    Raises
    ------
    UserError
        A part would have no row of some class.
    """
    order = rows["image"].argsort(kind="stable").to_numpy()
    kinds = pd.Categorical(rows["label"])
    labels = kinds.codes.astype(np.int64)[order]
    groups = pd.factorize(rows["group"].to_numpy()[order])[0].astype(np.int64)
    part = assign(labels, groups, shares, np.random.default_rng(seed))
    parts, classes = len(shares), len(kinds.categories)
    counts = np.bincount(part * classes + labels, minlength=parts * classes).reshape(parts, classes)
    if (counts == 0).any():
        few = kinds.categories[int(np.argmin(counts.min(axis=0)))]
        raise UserError(
            "split",
            f"every class must have rows in {where}",
            f"{(rows['label'] == few).sum()} usable rows with label {few!r} in {len(rows)}: too few, or nearly all of "
            "them copies of each other",
            f"Add images of that class, or change {parameter} in params.yaml.",
        )
    in_order = np.empty(len(rows), np.int64)
    in_order[order] = part
    return in_order
