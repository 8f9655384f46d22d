"""index.parquet: the table of all images, which `validate` writes for the other stages."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from facegender.data.arrays import RowNumbers
from facegender.data.image_findings import Findings

ROWS_AT_ONCE = 4096  # rows of the index written together
FEW_VALUES = ["role", "label", "status", "reason", "mode"]
DTYPES = {
    "image": "str",
    "role": "str",
    "label": "str",
    "status": "str",
    "reason": "str",
    "width": "Int64",
    "height": "Int64",
    "mode": "str",
    "bytes": "Int64",
    "sha256": "str",
    "phash": "UInt64",
    "group": "int64",
}


def write_index(
    path: Path, frame: pd.DataFrame, findings: Findings, reasons: dict[int, str], groups: RowNumbers
) -> None:
    """Write one row per image, a few thousand at a time: as Python objects they would take a kilobyte each.

    Parameters
    ----------
    frame
        image, role, label; one row per image.
    reasons
        Why a row is quarantined, by row.
    groups
        int64 (n,): from `group_duplicates`.
    """
    empty = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in DTYPES.items()})
    schema = pa.Schema.from_pandas(empty, preserve_index=False)
    with pq.ParquetWriter(path, schema, use_dictionary=FEW_VALUES) as writer:
        for start in range(0, len(frame), ROWS_AT_ONCE):
            rows = range(start, min(start + ROWS_AT_ONCE, len(frame)))
            part = slice(start, rows.stop)
            chunk = pd.DataFrame(
                {
                    "image": frame["image"].iloc[part].array,
                    "role": frame["role"].iloc[part].array,
                    "label": frame["label"].iloc[part].array,
                    "status": ["quarantined" if row in reasons else "ok" for row in rows],
                    "reason": [reasons.get(row) for row in rows],
                    "width": pd.array(findings.width[part], "Int64"),
                    "height": pd.array(findings.height[part], "Int64"),
                    "mode": [findings.modes[mode] if mode >= 0 else None for mode in findings.mode[part]],
                    "bytes": pd.array(findings.size[part], "Int64"),
                    "sha256": [bytes(digest).hex() for digest in findings.digest[part]],
                    "phash": pd.array(findings.phash[part], "UInt64"),
                    "group": groups[part],
                }
            )
            chunk.loc[~findings.decoded[part], ["width", "height", "phash"]] = pd.NA
            chunk.loc[~findings.exists[part], "bytes"] = pd.NA
            chunk.loc[~findings.was_read[part], "sha256"] = None
            writer.write_table(pa.Table.from_pandas(chunk.astype(DTYPES), schema=schema, preserve_index=False))
