"""Stage split: which rows validate, stratified by label, no group of duplicates on two sides; and the folds.

Used are the training rows that validate left as "ok"; quarantined ones, among them exact copies with contradicting
labels, take no part. Near copies with different labels stay together in one fold. A holdout takes no part in anything
before `evaluate`, which then reports on it alone. The codes of the folds are those of facegender/files/splits.py.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.errors import UserError
from facegender.files.atomic import atomic_file
from facegender.files.layout import Layout
from facegender.files.splits import HOLDOUT, NEVER_VALIDATED, VALIDATION, held_out
from facegender.params.sections import SplitParams
from facegender.params.stage_params import SplitStageParams
from facegender.statistics.stratify import Ints, assign


def split(layout: Layout, params: SplitStageParams) -> None:
    """Read index.parquet; write splits.parquet: image, label, group, fold.

    The assignment depends on names, labels, groups and the seed, not on the order of train.csv.

    Raises
    ------
    UserError
        There are not two classes, or one has too few groups to be on both sides.
    """
    wanted = [("role", "==", "train"), ("status", "==", "ok")]
    rows = pd.read_parquet(layout.index, columns=["image", "label", "group"], filters=wanted)
    if rows["label"].nunique() < 2:
        received = f"only {rows['label'].iloc[0]!r}" if len(rows) else "no usable rows"
        raise UserError("train.csv", "the rows that are not quarantined must have two classes", received)
    values = params.split
    names, shares = parts(values)
    sides = f"both sides of a {values.validation:.0%} validation split"
    if values.holdout:
        sides += f" and in a holdout of {values.holdout:.0%}"
    part = _part_of(rows, shares, values.seed, sides, "split.validation or split.holdout")
    folds = names[part].astype(np.int8)
    with atomic_file(layout.splits) as file:
        rows.assign(fold=folds).to_parquet(file, index=False)


def parts(params: SplitParams) -> tuple[Ints, npt.NDArray[np.float64]]:
    """The folds to fill and the share of the rows that each takes: int64 (parts,), float64 (parts,), sum 1."""
    names = [VALIDATION, NEVER_VALIDATED]
    shares = [params.validation, 1 - params.validation - params.holdout]
    if params.holdout:
        names, shares = [HOLDOUT, *names], [params.holdout, *shares]
    return np.array(names, np.int64), np.array(shares)


def folds_of(splits: pd.DataFrame, count: int, seed: int) -> Ints:
    """The fold, 0..count-1, in which a cross-validation validates each row of splits.parquet: int64 (n,).

    The holdout keeps its number and takes no part. The split itself plays no role: every other row validates once.

    Raises
    ------
    UserError
        A class has too few groups to be in every fold.
    """
    takes_part = ~held_out(splits["fold"])
    part = _part_of(splits[takes_part], np.full(count, 1 / count), seed, f"{count} folds", "cross_validate.folds")
    folds = np.full(len(splits), HOLDOUT, np.int64)
    folds[takes_part] = part
    return folds


def _part_of(
    rows: pd.DataFrame, shares: npt.NDArray[np.float64], seed: int, where: str, parameter: str
) -> npt.NDArray[np.int64]:
    """The part of each row, int64 (n,), whatever the order of the rows; refused where a part lacks a class."""
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
            f"{(rows['label'] == few).sum()} usable rows with label {few!r} in {len(rows)}, too few or nearly all of "
            "them copies of each other",
            f"Add images of that class, or set {parameter} otherwise in params.yaml.",
        )
    in_order = np.empty(len(rows), np.int64)
    in_order[order] = part
    return in_order
