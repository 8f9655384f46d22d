"""Read the user's CSV files as they are: every cell is a string, and nothing is interpreted.

A spreadsheet may have saved them with a byte order mark, as UTF-16, in a Windows code page, or with semicolons. All of
these can be read. A file that is not UTF-8 gives a warning: a wrong guess of the code page changes letters, and a
changed name looks like a missing file. `NA` stays `NA` and `007` stays `007`. Blanks around a cell are dropped.
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
STRINGS_AT_ONCE = 8192  # rows of a column that are Python strings at the same time
SAVE_AS = "Save it as CSV (UTF-8)."


@dataclass(frozen=True)
class Table:
    """A CSV file.

    Attributes
    ----------
    frame
        Columns of str. The index is the row number that a spreadsheet shows; the header is row 1.
    encoding, separator
        How the file was read: "utf-8", ",".
    warning
        What the user should know about how it was read, or "".
    """

    path: Path
    frame: pd.DataFrame
    encoding: str
    separator: str
    warning: str = ""

    def where(self, row: object = None) -> str:
        """Name the file or one of its rows, for a message: "train.csv" or "train.csv row 17"."""
        return self.path.name if row is None else f"{self.path.name} row {row}"


@dataclass(frozen=True)
class Columns:
    """The names of the two columns that matter."""

    image: str
    label: str


def read_table(path: Path) -> Table:
    """Read a CSV file, without empty rows and without columns that have no name (an index written by pandas).

    Raises
    ------
    UserError
        The file is missing or not a CSV, has no rows, has a column twice, or has a row with more cells than columns.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(str(path), "the file must exist", None, "See README, 'Your own data'.") from None
    except OSError as error:
        raise UserError(str(path), "the file must be readable", error.strerror) from None
    text, encoding, warning = _decode(content, path)
    separator = _guess_separator(text)
    frame = _parse(text, separator, path)
    return Table(path, frame, encoding, separator, warning)


def _decode(content: bytes, path: Path) -> tuple[str, str, str]:
    """Decode a file: its text, the name of its encoding, and a warning or ""."""
    if content[:4] == b"PK\x03\x04" or content[:4] == b"\xd0\xcf\x11\xe0":
        raise UserError(str(path), "the file must be a CSV", "an Excel workbook", SAVE_AS)
    if content[:3] == b"\xef\xbb\xbf":
        content, guesses = content[3:], ["utf-8"]
    elif content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        guesses = ["utf-16"]
    elif b"\0" in content:  # UTF-16 without a byte order mark: every other byte of an ASCII header is zero
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
    raise UserError(str(path), "the file must be a CSV in UTF-8", "bytes that are not text", SAVE_AS)


def _guess_separator(text: str) -> str:
    """Guess the separator: the one that cuts the header into the most cells, or a comma for a single column."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(SEPARATORS, key=lambda separator: len(next(csv.reader([header], delimiter=separator), [])))


def _parse(text: str, separator: str, path: Path) -> pd.DataFrame:
    try:
        parts = pd.read_csv(
            io.BytesIO(text.encode()),  # a StringIO would take 4 bytes per character
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
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise UserError(f"{path} row {frame.index[0]}", "column names must differ", f"{repeated[0]!r} twice")
    frame = frame.iloc[1:].set_axis(names, axis=1)
    return frame[[name for name in names if name]]


def _tidy(part: pd.DataFrame) -> pd.DataFrame:
    """Drop empty rows and blanks around cells; number the rows from 1."""
    part.index = part.index + 1
    for column in part.columns:
        part[column] = part[column].fillna("").str.strip()
    return part[(part != "").any(axis=1)]


def hash_names(names: "pd.Series[str]") -> npt.NDArray[np.uint64]:
    """Hash names to uint64 (n,), to compare and look them up: 8 bytes per name, where Python strings take 60.

    Collisions can be ignored: among a million names, the chance that any two share a hash is 3e-8.
    """
    hashes = np.empty(len(names), np.uint64)
    for start in range(0, len(names), STRINGS_AT_ONCE):
        part = names.iloc[start : start + STRINGS_AT_ONCE].to_numpy(dtype=object)
        hashes[start : start + STRINGS_AT_ONCE] = pd.util.hash_array(part, categorize=False)
    return hashes


def find_columns(train: Table, test: Table, sample: Table, params: DataParams) -> Columns:
    """Find the image column and the label column.

    The image column is the one that sample_submission.csv and test.csv share. The label column is the one that test.csv
    lacks. Names in `params` take precedence. Of several image columns, the one that train.csv has too is taken; of
    several label columns, the one that sample_submission.csv has too.

    Raises
    ------
    UserError
        A column named in `params` is missing, or no column or several columns qualify.
    """
    image = params.image_column or _pick_only(
        [name for name in sample.frame.columns if name in test.frame.columns],
        prefer=train.frame.columns.tolist(),
        place=f"{sample.path.name} and {test.path.name}",
        rule="must share exactly one column, the one with the image names",
        key="image_column",
        tables=(train, test, sample),
    )
    for table in (train, test, sample):
        _require_column(table, image, "image_column", params.image_column is not None)
    label = params.label_column or _pick_only(
        [name for name in train.frame.columns if name not in test.frame.columns],
        prefer=sample.frame.columns.tolist(),
        place=train.path.name,
        rule=f"must have exactly one column that {test.path.name} lacks, the one with the labels",
        key="label_column",
        tables=(train, test, sample),
    )
    _require_column(train, label, "label_column", params.label_column is not None)
    if label == image:
        raise UserError("params.yaml, data", "image_column and label_column must differ", repr(label))
    return Columns(image, label)


def _pick_only(found: list[str], prefer: list[str], place: str, rule: str, key: str, tables: Sequence[Table]) -> str:
    preferred = [name for name in found if name in prefer]
    if len(found) > 1 and len(preferred) == 1:
        found = preferred
    if len(found) == 1:
        return found[0]
    headers = "; ".join(f"{table.path.name} has {', '.join(table.frame.columns)}" for table in tables)
    remedy = f"The first row of each file must be its header. Or name the column in params.yaml, as data.{key}."
    raise UserError(place, rule, headers, remedy)


def _require_column(table: Table, column: str, key: str, named: bool) -> None:
    if column in table.frame.columns:
        return
    remedy = f"params.yaml names it as data.{key}." if named else "It must have the same name in all three files."
    raise UserError(table.where(), f"the column {column!r} must be there", ", ".join(table.frame.columns), remedy)
