"""The tables that stages leave each other, read as little of as is wanted."""

from pathlib import Path

import pandas as pd

Filters = list[tuple[str, str, object]]

ROWS_AT_ONCE = 16_384  # encoded and compressed together


def read(path: Path, columns: list[str] | None = None, filters: Filters | None = None) -> pd.DataFrame:
    """Some columns or all, of the rows that meet every filter (column, operator, value).

    One piece of the file after the other: read ahead by threads, a file would be in memory twice.
    """
    return pd.read_parquet(path, columns=columns, filters=filters, pre_buffer=False, use_threads=False)


def write(path: Path, table: pd.DataFrame) -> None:
    """A table without its index, in pieces: what is written together is held in memory twice."""
    table.to_parquet(path, index=False, row_group_size=ROWS_AT_ONCE)
