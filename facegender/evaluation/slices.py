"""Slices: for which faces the model works worse. Each figure of a slice has its n and interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from facegender.errors import UserError
from facegender.statistics.accuracy_gap import Gap, accuracy_gap
from facegender.statistics.intervals import Estimate, IntArray
from facegender.statistics.metrics import Confusion, JudgedRows, proportions

MAX_VALUES: Final = 20  # distinct words; a column with more names single rows rather than kinds of rows
MAX_CROSSED: Final = 100  # distinct pairs of words, for two crossed columns that the user asked for
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
class Breakdown:
    """All rows, sliced by one column.

    Attributes
    ----------
    gap
        Between the slices large enough to compare; its positions count only those. None if there are fewer than two.
    """

    name: str
    slices: list[Slice]
    gap: Gap | None

    @property
    def compared(self) -> list[Slice]:
        """The slices large enough to compare."""
        return [row for row in self.slices if row.enough]


def cross_columns(table: pd.DataFrame, pairs: Sequence[tuple[str, str]], place: str) -> pd.DataFrame:
    """Add a column for each pair of columns; `place` names the file in messages.

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


def break_down(
    table: pd.DataFrame, rows: JudgedRows, minimum: int, resamples: int, rng: np.random.Generator
) -> list[Breakdown]:
    """Break the rows down by every column that makes at least two slices.

    Parameters
    ----------
    table
        Text columns, in the rows' order. A missing value is a slice of its own. Columns of many numbers are divided
        into quarters; columns with more than 20 distinct words (100 if crossed) are left out.
    minimum
        Number of rows below which a slice is marked as too small to compare.
    resamples
        Bootstrap resamples for the gaps' intervals.
    """
    breakdowns = []
    for name in table.columns:
        values = slice_column(table[name].reset_index(drop=True), MAX_CROSSED if " × " in name else MAX_VALUES)
        if values is not None and values.nunique() > 1:
            breakdowns.append(_break_down_by(str(name), values, rows, minimum, resamples, rng))
    return breakdowns


def _break_down_by(
    name: str, values: pd.Series, rows: JudgedRows, minimum: int, resamples: int, rng: np.random.Generator
) -> Breakdown:
    order, member = number_values(values)
    slices = []
    for value, counts in zip(order, count_cases(member, rows, len(order)), strict=True):
        figures = proportions(counts)
        accuracy = figures["accuracy"]
        recalls = figures["negative.recall"], figures["positive.recall"]
        slices.append(Slice(value, accuracy, *recalls, accuracy.n >= minimum))
    enough = np.array([row.enough for row in slices])
    if enough.sum() < 2:
        return Breakdown(name, slices, None)
    compared = rows.take(enough[member])
    places = np.cumsum(enough) - 1
    correct = compared.positive == compared.predicted
    gap = accuracy_gap(correct, places[member[enough[member]]], compared.groups, resamples, rng)
    return Breakdown(name, slices, gap)


def count_cases(member: IntArray, rows: JudgedRows, slices: int) -> list[Confusion]:
    """Count the four cases of each slice, in the order of their numbers; `member`: int64 (n,), 0 to `slices` - 1."""
    # TN, FP, FN and TP of a slice are neighbours: label and answer are the two low bits of a row's case
    case = 4 * member + 2 * rows.positive + rows.predicted
    cells = np.bincount(case, minlength=4 * slices).reshape(slices, 4).tolist()
    return [
        Confusion(true_positive=tp, false_positive=fp, false_negative=fn, true_negative=tn) for tn, fp, fn, tp in cells
    ]


def assign_slices(column: pd.Series, minimum: int) -> IntArray:
    """Number the slice of each row of a text column, in natural order: int64 (n,).

    -1 for a missing value, and for a value that fewer than `minimum` rows have.
    """
    values = slice_column(column)
    if values is None:
        return np.full(len(column), -1, np.int64)
    order, numbers = number_values(values)
    few = np.bincount(numbers, minlength=len(order)) < minimum
    return np.where(few[numbers] | (values == MISSING), -1, numbers)


def number_values(values: pd.Series) -> tuple[list[str], IntArray]:
    """Sort the distinct values naturally; give them and, for each row, the position of its value: int64 (n,)."""
    order = sort_naturally(values)
    return order, np.asarray(values.map({value: place for place, value in enumerate(order)}), np.int64)


def sort_naturally(values: pd.Series) -> list[str]:
    """Sort the distinct values: ranges and numbers by size, then words, then the missing value."""
    return [str(value) for value in sorted(values.unique(), key=_natural)]


def slice_column(column: pd.Series, most: int = MAX_VALUES) -> pd.Series | None:
    """Name the slice of each row of a text column; None if there would be more than `most` slices."""
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
    """Sort ranges and numbers by their first number ("3-9" before "10-19"), then words, then the missing value."""
    if value == MISSING:
        return (2, 0.0, value)
    if value.startswith("below "):
        return (0, -np.inf, value)
    digits = ""
    for character in value:
        if not (character.isdecimal() or (character in "." and digits)):
            break
        digits += character
    return (0, float(digits), value) if digits else (1, 0.0, value)
