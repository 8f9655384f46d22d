"""The user's CSV files, read as they stand: every cell a string, and no guess about what it means.

A spreadsheet may have saved them with a byte order mark, as UTF-16, in a Windows code page, or with semicolons. All of
that is read; what is not UTF-8 is read with a warning, because in a code page a wrong guess changes letters, and a name
changed that way shows itself as a missing file. `NA` stays `NA`, `007` stays `007`; blanks around a cell are dropped.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.errors import UserError
from facegender.params.sections import DataParams

SEPARATORS = (",", ";", "\t", "|")
STRINGS_AT_ONCE = 8192  # rows of a column held as Python strings at the same time
SAVE_AS = "Save it as CSV (UTF-8)."


@dataclass(frozen=True)
class Table:
    """A CSV file.

    frame
        str columns; the index is the row number as a spreadsheet shows it: the header is row 1.
    warning
        What a person should know of how it was read, or "".
    """

    path: Path
    frame: pd.DataFrame
    encoding: str
    separator: str
    warning: str = ""

    def where(self, row: object = None) -> str:
        """The place, for a message: `train.csv` or `train.csv row 17`."""
        return self.path.name if row is None else f"{self.path.name} row {row}"


@dataclass(frozen=True)
class Columns:
    """The names of the two columns that matter."""

    image: str
    label: str


def read_table(path: Path) -> Table:
    """Read a CSV file; rows without any value are skipped, columns without a name too (an index that pandas wrote).

    Raises
    ------
    UserError
        The file is missing, is no CSV, has no rows, a column twice, or a row with more cells than columns.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(str(path), "the file must exist", None, "See README, 'Your own data'.") from None
    except OSError as error:
        raise UserError(str(path), "the file must be readable", error.strerror) from None
    text, encoding, warning = _decode(content, path)
    separator = _separator(text)
    frame = _parse(text, separator, path)
    return Table(path, frame, encoding, separator, warning)


def _decode(content: bytes, path: Path) -> tuple[str, str, str]:
    """Text, the encoding's name, and a warning or ""."""
    if content[:4] == b"PK\x03\x04" or content[:4] == b"\xd0\xcf\x11\xe0":
        raise UserError(str(path), "the file must be a CSV", "an Excel workbook", SAVE_AS)
    if content[:3] == b"\xef\xbb\xbf":
        content, guesses = content[3:], ["utf-8"]
    elif content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        guesses = ["utf-16"]
    elif b"\0" in content:  # UTF-16 without its mark: a header in ASCII has a zero in every other byte
        guesses = ["utf-16-be" if content[:1] == b"\0" else "utf-16-le"]
    else:
        guesses = ["utf-8", "cp1252", "latin-1"]
    for encoding in guesses:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        if encoding == "utf-8":
            return text, encoding, ""
        remedy = "If names look wrong or files are missing, save it as UTF-8."
        return (text, encoding, f"{path.name} is not UTF-8; it was read as {encoding}. {remedy}")
    raise UserError(str(path), "the file must be a CSV in UTF-8", "bytes that are no text", SAVE_AS)


def _separator(text: str) -> str:
    """The separator that cuts the header into the most cells; a comma for a single column."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(SEPARATORS, key=lambda separator: len(next(csv.reader([header], delimiter=separator), [])))


def _parse(text: str, separator: str, path: Path) -> pd.DataFrame:
    try:
        parts = pd.read_csv(
            io.BytesIO(text.encode()),  # as a StringIO it would take 4 bytes a character
            sep=separator,
            header=None,
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            skip_blank_lines=False,
            chunksize=STRINGS_AT_ONCE,
        )
        frame = pd.concat([_tidy(part) for part in parts])
    except pd.errors.EmptyDataError:
        raise UserError(str(path), "the file must have a header and rows", "an empty file") from None
    except pd.errors.ParserError as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise UserError(
            str(path), "every row must have as many cells as the header", reason, "Check the quotes."
        ) from None
    if len(frame) < 2:
        raise UserError(str(path), "the file must have a header and at least one row", f"{len(frame)} rows")
    names = [str(name) for name in frame.iloc[0]]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise UserError(f"{path} row {frame.index[0]}", "column names must differ", f"{twice[0]!r} twice")
    frame = frame.iloc[1:].set_axis(names, axis=1)
    return frame[[name for name in names if name]]


def _tidy(part: pd.DataFrame) -> pd.DataFrame:
    """Blanks around cells and rows without any value are dropped; the first row of the file has number 1."""
    part.index = part.index + 1
    for column in part.columns:
        part[column] = part[column].fillna("").str.strip()
    return part[(part != "").any(axis=1)]


def hash_names(names: "pd.Series[str]") -> npt.NDArray[np.uint64]:
    """uint64 (n,): 8 bytes a name to compare and look up, where Python strings take 60; 64 bits do not collide.

    With a million names the chance of any two alike is 3e-8.
    """
    hashes = np.empty(len(names), np.uint64)
    for start in range(0, len(names), STRINGS_AT_ONCE):
        part = names.iloc[start : start + STRINGS_AT_ONCE].to_numpy(dtype=object)
        hashes[start : start + STRINGS_AT_ONCE] = pd.util.hash_array(part, categorize=False)
    return hashes


def find_columns(train: Table, test: Table, sample: Table, params: DataParams) -> Columns:
    """The image column is what sample_submission.csv and test.csv share, the label column what test.csv lacks.

    Names in `params` win. Where several columns would do, those that all three files, or train and sample, share win.

    Raises
    ------
    UserError
        A named column is missing, or none or several columns fit.
    """
    image = params.image_column or _only(
        [name for name in sample.frame.columns if name in test.frame.columns],
        prefer=train.frame.columns.tolist(),
        place=f"{sample.path.name} and {test.path.name}",
        rule="must share exactly one column, the one with the images' names",
        key="image_column",
        tables=(train, test, sample),
    )
    for table in (train, test, sample):
        _require(table, image, "image_column", params.image_column is not None)
    label = params.label_column or _only(
        [name for name in train.frame.columns if name not in test.frame.columns],
        prefer=sample.frame.columns.tolist(),
        place=train.path.name,
        rule=f"must have exactly one column that {test.path.name} lacks, the one with the labels",
        key="label_column",
        tables=(train, test, sample),
    )
    _require(train, label, "label_column", params.label_column is not None)
    if label == image:
        raise UserError("params.yaml, data", "image_column and label_column must differ", repr(label))
    return Columns(image, label)


def _only(found: list[str], prefer: list[str], place: str, rule: str, key: str, tables: Sequence[Table]) -> str:
    preferred = [name for name in found if name in prefer]
    if len(found) > 1 and len(preferred) == 1:
        found = preferred
    if len(found) == 1:
        return found[0]
    headers = "; ".join(f"{table.path.name} has {', '.join(table.frame.columns)}" for table in tables)
    remedy = f"The first row of each file must be its header; or name the column as data.{key} in params.yaml."
    raise UserError(place, rule, headers, remedy)


def _require(table: Table, column: str, key: str, named: bool) -> None:
    if column in table.frame.columns:
        return
    where = f"{table.path.name}"
    remedy = f"params.yaml names it as data.{key}." if named else "The three files must call it alike."
    raise UserError(where, f"the column {column!r} must be there", ", ".join(table.frame.columns), remedy)
