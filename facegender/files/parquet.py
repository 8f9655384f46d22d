"""Read and write the Parquet tables that stages pass to each other, holding as little in memory as possible."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from facegender.files.image_names import lookup

Filters = list[tuple[str, str, object]]

ROWS_AT_ONCE = 16_384  # rows encoded and compressed together


def read(path: Path, columns: list[str] | None = None, filters: Filters | None = None) -> pd.DataFrame:
    """Read some columns, or all, of the rows that meet every filter (column, operator, value).

    Row groups are read one after the other: if threads read ahead, the file would be in memory twice.
    """
    return pd.read_parquet(path, columns=columns, filters=filters, pre_buffer=False, use_threads=False)


def read_rows(path: Path, names: "pd.Series[str]", columns: list[str]) -> pd.DataFrame:
    """Read some columns of the rows of the given images, in the order of `names`; no other rows stay in memory.

    Raises
    ------
    KeyError
        A name is missing from the table's column `image`.
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
    """Write a table, without its index, in row groups: a row group is in memory twice while it is written."""
    table.to_parquet(path, index=False, row_group_size=ROWS_AT_ONCE)
