"""The tables that stages leave each other, read as little of as is wanted."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from facegender.files.image_names import lookup

Filters = list[tuple[str, str, object]]

ROWS_AT_ONCE = 16_384  # encoded and compressed together


def read(path: Path, columns: list[str] | None = None, filters: Filters | None = None) -> pd.DataFrame:
    """Some columns or all, of the rows that meet every filter (column, operator, value).

    One piece of the file after the other: read ahead by threads, a file would be in memory twice.
    """
    return pd.read_parquet(path, columns=columns, filters=filters, pre_buffer=False, use_threads=False)


def read_rows(path: Path, names: "pd.Series[str]", columns: list[str]) -> pd.DataFrame:
    """Some columns of the rows of these images, in the order of `names`: of a table of all images no more than that.

    Raises
    ------
    KeyError
        A name is not in the table's column `image`.
    """
    parts, at = [], np.full(len(names), -1, np.int64)
    count = 0
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, ["image", *columns], use_threads=False)
            found = lookup(names, table["image"].to_pandas())
            new = np.flatnonzero((found >= 0) & (at < 0))
            at[new] = count + np.arange(len(new))
            count += len(new)
            parts.append(table.select(columns).take(found[new]))
    if (at < 0).any():
        raise KeyError(names.iloc[int(np.argmax(at < 0))])
    found_rows: pd.DataFrame = pa.concat_tables(parts).take(at).to_pandas()
    return found_rows


def write(path: Path, table: pd.DataFrame) -> None:
    """A table without its index, in pieces: what is written together is held in memory twice."""
    table.to_parquet(path, index=False, row_group_size=ROWS_AT_ONCE)
