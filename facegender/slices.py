"""The evaluation by subset: which faces the model serves worse. A slice has its accuracy, with n and interval."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from facegender.errors import UserError
from facegender.intervals import Estimate, wilson
from facegender.metrics import BoolArray
from facegender.tables import read_table

MAX_VALUES: Final = 20  # of a column of words; one with more names single rows rather than kinds of rows
MAX_NUMBERS: Final = 12  # distinct numbers; a column with more is cut into quarters
MISSING: Final = "(not stated)"


@dataclass(frozen=True)
class Slice:
    """The rows that share one value of a column."""

    value: str
    accuracy: Estimate
    enough: bool  # n is at least the minimum: the slice may be compared


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


def slice_by_attributes(
    images: pd.Series, correct: BoolArray, attributes: pd.DataFrame | None, minimum: int
) -> dict[str, list[Slice]]:
    """Slices by every column that makes some, joined by image."""
    if attributes is None:
        return {}
    joined = attributes.reindex(images)
    slices = {str(column): accuracy_by(joined[column], correct, minimum) for column in joined.columns}
    return {column: rows for column, rows in slices.items() if rows}


def accuracy_by(column: pd.Series, correct: BoolArray, minimum: int) -> list[Slice]:
    """Accuracy of each value's rows, in the values' natural order.

    Parameters
    ----------
    column
        One value per row, as text; missing ones are a slice of their own. Columns of many numbers are cut into
        quarters; of a column of more than 20 words nothing is said.
    correct
        bool (n,), in the column's order.
    minimum
        Rows below which a slice is marked as too small to compare.
    """
    values = _binned(column)
    if values is None:
        return []
    slices = []
    for value in sorted(values.unique(), key=_natural):
        here = (values == value).to_numpy()
        n = int(here.sum())
        slices.append(Slice(str(value), wilson(int(correct[here].sum()), n), n >= minimum))
    return slices


def _binned(column: pd.Series) -> pd.Series | None:
    text = column.fillna("").astype(str).str.strip()
    stated = text != ""
    numbers = pd.to_numeric(text.where(stated), errors="coerce")
    distinct = text[stated].nunique()
    if bool(numbers[stated].notna().all()) and distinct > MAX_NUMBERS:
        edges = np.unique(np.quantile(numbers[stated], (0.25, 0.5, 0.75)))
        text = numbers.map(lambda number: _range(number, edges), na_action="ignore")
    elif distinct > MAX_VALUES:
        return None
    return text.where(stated, MISSING)


def _range(number: float, edges: np.ndarray) -> str:
    position = int(np.searchsorted(edges, number, side="right"))
    if position == 0:
        return f"below {edges[0]:g}"
    if position == len(edges):
        return f"{edges[-1]:g} and more"
    return f"{edges[position - 1]:g} to {edges[position]:g}"


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
