"""Check every row of the three CSV files, and make one list of images from them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from facegender.data.arrays import RowMask
from facegender.data.tables import Columns, Table, hash_names
from facegender.errors import UserError

# absolute names, drives, and `..`; backslashes count as separators, because on Windows they are
LEAVES_THE_FOLDER = r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)"
CONTROL = r"[\x00-\x1f\x7f]"
MAX_EXAMPLES = 5  # names shown in a message


@dataclass
class Listing:
    """The images that the CSV files name.

    Attributes
    ----------
    frame
        image, role ("train" | "test"), label (None if it is missing or contradictory). One row per name, training rows
        first, each part in the order of its file.
    classes
        (negative, positive) label.
    label_dtype
        "int" | "str".
    reasons
        Why a row of `frame` cannot be used in training, by row.
    unnamed
        Why rows of train.csv are not in `frame` at all: they have no name.
    warnings
        What the user should know, one sentence each.
    """

    frame: pd.DataFrame
    classes: tuple[str, str]
    label_dtype: str
    reasons: dict[int, str] = field(default_factory=dict)
    unnamed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def list_images(train: Table, test: Table, sample: Table, columns: Columns) -> Listing:
    """Check all rows and list the images.

    Raises
    ------
    UserError
        A name leaves the images folder, the labels are not of two classes, a row of test.csv has no name, train.csv and
        test.csv share a name, or sample_submission.csv and test.csv differ in their names.
    """
    for table in (train, test, sample):
        _refuse_bad_names(table, columns.image)
    classes, label_dtype = find_classes(train, columns.label)
    warnings: list[str] = []
    test_names = _check_test_names(test, sample, columns.image, warnings)
    names, labels = train.frame[columns.image], train.frame[columns.label]
    nameless = names == ""
    unnamed = [f"{train.where(row)}: no image name" for row in names.index[nameless]]
    if unnamed:
        names, labels = names[~nameless], labels[~nameless]
    _refuse_overlap(train, test, names, test_names)

    first = ~is_repeated(names)
    contradictions = _find_contradictions(train, names, labels, warnings)
    names, labels = names[first], labels[first]
    reasons = {}
    for row in np.flatnonzero(labels == "").tolist():
        reasons[row] = f"no label in {train.where(labels.index[row])}"
    for row in np.flatnonzero(is_in(names, pd.Series(list(contradictions), dtype="str"))).tolist():
        reasons[row] = contradictions[names.iloc[row]]
    label_codes = np.full(len(names) + len(test_names), -1, np.int8)
    label_codes[: len(names)] = pd.Index(list(classes)).get_indexer(pd.Index(labels))
    label_codes[list(reasons)] = -1
    role_codes = np.repeat(np.array([0, 1], np.int8), [len(names), len(test_names)])
    frame = pd.DataFrame(
        {
            "image": pd.concat([names, test_names], ignore_index=True),
            "role": pd.Categorical.from_codes(role_codes, pd.Index(["train", "test"])),
            "label": pd.Categorical.from_codes(label_codes, pd.Index(list(classes))),
        }
    )
    return Listing(frame, classes, label_dtype, reasons, unnamed, warnings)


def find_classes(train: Table, column: str) -> tuple[tuple[str, str], str]:
    """Find the two labels and their type: ((negative, positive), "int" | "str").

    They are sorted as numbers if both are integers, otherwise as text. The larger one is the positive class.

    Raises
    ------
    UserError
        There are more or fewer than two labels. Empty ones do not count.
    """
    labels = train.frame[column]
    counts = labels[labels != ""].value_counts().sort_index(kind="stable").sort_values(ascending=False, kind="stable")
    if len(counts) < 2:
        received = f"only {counts.index[0]!r}" if len(counts) else "only empty cells"
        raise UserError(train.where(), f"{column} must have two classes", received)
    numeric = all(re.fullmatch(r"0|-?[1-9]\d*", str(label)) for label in counts.index[:2])
    classes = sorted(map(str, counts.index[:2]), key=int if numeric else str)
    if len(counts) > 2:
        odd = labels[~labels.isin(["", *classes])]
        which, them = ("the only row", "it") if len(odd) == 1 else (f"one of {len(odd)} rows", "them")
        remedy = f"It is {which} with another label. Correct or remove {them}; rows without a label are quarantined."
        expected = f"{column} must be one of {', '.join(classes)}, the two labels that most rows have"
        raise UserError(train.where(odd.index[0]), expected, repr(odd.iloc[0]), remedy)
    return (classes[0], classes[1]), "int" if numeric else "str"


def _refuse_bad_names(table: Table, column: str) -> None:
    names = table.frame[column]
    for pattern, rule in (
        (LEAVES_THE_FOLDER, "names must stay in the images folder: no leading slash or drive, no '..'"),
        (CONTROL, "names must have no control characters"),
    ):
        bad = names[names.str.contains(pattern, regex=True)]
        if len(bad):
            remedy = "Give the path relative to data/images."
            raise UserError(table.where(bad.index[0]), rule, repr(bad.iloc[0]), remedy)


def _check_test_names(test: Table, sample: Table, column: str, warnings: list[str]) -> "pd.Series[str]":
    """Check that both files name the same images, and return each name once."""
    for table in (test, sample):
        empty = table.frame.index[table.frame[column] == ""]
        if len(empty):
            raise UserError(table.where(empty[0]), f"{column} must not be empty", "an empty cell")
    names, wanted = test.frame[column], sample.frame[column]
    for one, other, table, place in ((wanted, names, sample, test), (names, wanted, test, sample)):
        unknown = one[~is_in(one, other)]
        if len(unknown):
            rule = f"both files must name the same images; {len(unknown)} of this file are not in {place.path.name}"
            raise UserError(table.where(unknown.index[0]), rule, format_examples(unknown))
    if len(names) != len(wanted):
        received = f"{len(names)} and {len(wanted)} rows"
        rule = f"{test.path.name} and {sample.path.name} must name each image equally often"
        raise UserError(sample.where(), rule, received)
    again = is_repeated(names)
    if again.any():
        repeated = names[again]
        text = f"{len(repeated)} rows repeat a name and are scored once: {format_examples(repeated)}"
        warnings.append(f"{test.path.name}: {text}")
    return names[~again]


def _refuse_overlap(train: Table, test: Table, names: "pd.Series[str]", test_names: "pd.Series[str]") -> None:
    both = names[is_in(names, test_names)]
    if len(both):
        rule = f"no image may also be in {test.path.name}, or the model would be tested on what it has learnt"
        raise UserError(train.where(both.index[0]), rule, f"{len(both)} in both: {format_examples(both)}")


def _find_contradictions(
    train: Table, names: "pd.Series[str]", labels: "pd.Series[str]", warnings: list[str]
) -> dict[str, str]:
    """Return a reason for each name with two labels; warn of names that repeat with one label."""
    again = is_repeated(names)
    if not again.any():
        return {}
    repeated = is_in(names, names[again])
    reasons, harmless = {}, []
    for name, rows in labels[repeated].groupby(names[repeated], sort=False):
        if rows.nunique() > 1:
            listed = ", ".join(f"{label or 'none'} (row {row})" for row, label in rows.items())
            reasons[str(name)] = f"listed with contradicting labels in {train.path.name}: {listed}"
        else:
            harmless.append(name)
    if harmless:
        text = f"{len(harmless)} names are in several rows with the same label and are used once"
        warnings.append(f"{train.path.name}: {text}: {format_examples(harmless)}")
    return reasons


def is_repeated(names: "pd.Series[str]") -> RowMask:
    """Mark rows whose name an earlier row has already: bool (n,)."""
    again = np.ones(len(names), np.bool_)
    again[np.unique(hash_names(names), return_index=True)[1]] = False
    return again


def is_in(names: "pd.Series[str]", others: "pd.Series[str]") -> RowMask:
    """Mark names that are among `others`: bool (n,)."""
    return np.isin(hash_names(names), hash_names(others), kind="sort")


def format_examples(names: Iterable[object]) -> str:
    """List the first few names, with an ellipsis if there are more.

    Examples
    --------
    >>> format_examples(["a.jpg", "b.jpg"])
    'a.jpg, b.jpg'
    """
    listed = list(map(str, names))
    return ", ".join(listed[:MAX_EXAMPLES]) + (", …" if len(listed) > MAX_EXAMPLES else "")
