"""The evaluation by subset: which faces the model serves worse. A slice has its figures, each with n and interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from facegender.data.tables import read_table
from facegender.errors import UserError
from facegender.statistics.accuracy_gap import Gap, accuracy_gap
from facegender.statistics.intervals import Estimate, IntArray
from facegender.statistics.metrics import Confusion, Rows, proportions

MAX_VALUES: Final = 20  # of a column of words; one with more names single rows rather than kinds of rows
MAX_CROSSED: Final = 100  # of two columns together, asked for by name
MAX_NUMBERS: Final = 12  # distinct numbers; a column with more is cut into quarters
MISSING: Final = "(not stated)"


@dataclass(frozen=True)
class Slice:
    """The rows that share one value of a column."""

    value: str
    accuracy: Estimate
    negative_recall: Estimate
    positive_recall: Estimate
    enough: bool  # n is at least the minimum: the slice may be compared


@dataclass(frozen=True)
class Cut:
    """All rows, cut by one column.

    Attributes
    ----------
    gap
        Between the slices large enough to be compared; its positions count those alone. None where there are not two.
    """

    name: str
    slices: list[Slice]
    gap: Gap | None

    @property
    def compared(self) -> list[Slice]:
        """The slices large enough."""
        return [row for row in self.slices if row.enough]


def read_attributes(path: Path, image_column: str) -> pd.DataFrame | None:
    """attributes.csv with the image's name as index and every cell as text; None where there is no such file.

    Raises
    ------
    UserError
        It lacks the image column.
    """
    if not path.exists():
        return None
    table = read_table(path)
    if image_column not in table.frame.columns:
        raise UserError(table.where(), f"the column {image_column} must be there", ", ".join(table.frame.columns))
    # of two rows for one image the first counts; `validate` has warned of them
    return table.frame.drop_duplicates(image_column).set_index(image_column)


def cross(table: pd.DataFrame, pairs: Sequence[tuple[str, str]], place: str) -> pd.DataFrame:
    """The table with a column for each pair of its columns; `place` is the file, for messages.

    Raises
    ------
    UserError
        A pair names a column that is not there.
    """
    crossed = table.copy()
    for pair in pairs:
        for column in pair:
            if column not in table.columns:
                columns = ", ".join(map(str, table.columns))
                raise UserError("params.yaml, evaluate.two_way", f"must name columns of {place}: {columns}", column)
        first, second = (table[column].fillna("").replace("", MISSING) for column in pair)
        crossed[f"{pair[0]} × {pair[1]}"] = first + ", " + second
    return crossed


def cut_by(table: pd.DataFrame, rows: Rows, minimum: int, resamples: int, rng: np.random.Generator) -> list[Cut]:
    """Cut the rows by every column that makes two slices or more.

    Parameters
    ----------
    table
        Text columns, in the rows' order; a missing value is a slice of its own. Columns of many numbers are cut into
        quarters; columns of more than 20 words (100 in a crossed column) are left out.
    minimum
        Rows below which a slice is marked as too small to compare.
    resamples
        Behind the gaps' intervals.
    """
    cuts = []
    for name in table.columns:
        values = slice_values(table[name].reset_index(drop=True), MAX_CROSSED if " × " in name else MAX_VALUES)
        if values is not None and values.nunique() > 1:
            cuts.append(_cut(str(name), values, rows, minimum, resamples, rng))
    return cuts


def _cut(name: str, values: pd.Series, rows: Rows, minimum: int, resamples: int, rng: np.random.Generator) -> Cut:
    order, member = numbered(values)
    slices = []
    for value, counts in zip(order, count_cases(member, rows, len(order)), strict=True):
        figures = proportions(counts)
        accuracy = figures["accuracy"]
        recalls = figures["negative.recall"], figures["positive.recall"]
        slices.append(Slice(value, accuracy, *recalls, accuracy.n >= minimum))
    enough = np.array([row.enough for row in slices])
    if enough.sum() < 2:
        return Cut(name, slices, None)
    compared = rows.take(enough[member])
    places = np.cumsum(enough) - 1
    correct = compared.positive == compared.predicted
    gap = accuracy_gap(correct, places[member[enough[member]]], compared.groups, resamples, rng)
    return Cut(name, slices, gap)


def count_cases(member: IntArray, rows: Rows, slices: int) -> list[Confusion]:
    """Count the four cases of each slice, in the order of their numbers; `member`: int64 (n,), 0 to `slices` - 1."""
    # TN, FP, FN and TP of a slice are neighbours: label and answer are the two low bits of a row's case
    case = 4 * member + 2 * rows.positive + rows.predicted
    cells = np.bincount(case, minlength=4 * slices).reshape(slices, 4).tolist()
    return [
        Confusion(true_positive=tp, false_positive=fp, false_negative=fn, true_negative=tn) for tn, fp, fn, tp in cells
    ]


def members(column: pd.Series, minimum: int) -> IntArray:
    """int64 (n,): which value of a text column each row has, by `natural_order`; -1 where fewer than `minimum` have it.

    A missing value is none to compare.
    """
    values = slice_values(column)
    if values is None:
        return np.full(len(column), -1, np.int64)
    order, numbers = numbered(values)
    few = np.bincount(numbers, minlength=len(order)) < minimum
    return np.where(few[numbers] | (values == MISSING), -1, numbers)


def numbered(values: pd.Series) -> tuple[list[str], IntArray]:
    """The distinct values by `natural_order`, and of each row the place of its own there: int64 (n,)."""
    order = natural_order(values)
    return order, np.asarray(values.map({value: place for place, value in enumerate(order)}), np.int64)


def natural_order(values: pd.Series) -> list[str]:
    """The distinct values: ranges and numbers by size, then words, then the missing."""
    return [str(value) for value in sorted(values.unique(), key=_natural)]


def slice_values(column: pd.Series, most: int = MAX_VALUES) -> pd.Series | None:
    """The slice of each row of a text column; None where it would make more than `most`."""
    text = column.astype(str).fillna("").str.strip()
    stated = text != ""
    numbers = pd.to_numeric(text.where(stated), errors="coerce")
    distinct = text[stated].nunique()
    if bool(numbers[stated].notna().all()) and distinct > MAX_NUMBERS:
        edges = np.unique(np.quantile(numbers[stated], (0.25, 0.5, 0.75)))
        ranges = np.array([_range(position, edges) for position in range(len(edges) + 1)], object)
        text = pd.Series(ranges[np.searchsorted(edges, numbers, side="right")], column.index)
    elif distinct > most:
        return None
    return text.where(stated, MISSING)


def _range(position: int, edges: np.ndarray) -> str:
    if position == 0:
        return f"below {edges[0]:.3g}"
    if position == len(edges):
        return f"{edges[-1]:.3g} and more"
    return f"{edges[position - 1]:.3g} to {edges[position]:.3g}"


def _natural(value: str) -> tuple[int, float, str]:
    """Ranges and numbers by their first number ("3-9" before "10-19"), then words, then the missing."""
    if value == MISSING:
        return (2, 0.0, value)
    if value.startswith("below "):
        return (0, -np.inf, value)
    digits = ""
    for character in value:
        if not (character.isdigit() or (character in "." and digits)):
            break
        digits += character
    return (0, float(digits), value) if digits else (1, 0.0, value)
