"""Stage validate: every row of every CSV and every image; what cannot be used is set aside, with the reason.

Rules for what is set aside ("quarantined") in training: no name, no label, contradicting labels for one name, no file,
a file that cannot be decoded or is over or under the limits of params.yaml, and files that are the same byte for byte
but labelled differently: one of the labels is wrong, nobody knows which, and on the validation side each such pair
would be an error for sure. Near copies with different labels stay, because two pictures of one moment can show two
people; they are listed, and split keeps them on one side. Training images that recur in test stay too, and are listed.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from facegender.atomic import atomic_file
from facegender.duplicates import Rows, exact_copies, group
from facegender.duplicates_report import describe_duplicates
from facegender.errors import UserError
from facegender.inspect_images import Findings, inspected
from facegender.inspect_rows import Listing, examples, list_images
from facegender.layout import Layout
from facegender.params import DataParams, ValidateParams
from facegender.tables import Table, find_columns, read_table

ROWS_AT_ONCE = 8192  # of the index, while it is written
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


def validate(data: Layout, columns: DataParams, params: ValidateParams, index: Path, report: Path) -> None:
    """Check all of `data` and write `index` (index.parquet) and `report` (validation.json).

    Raises
    ------
    UserError
        See `read_table`, `find_columns`, `list_images` and `inspected`; no images folder; more than
        `params.max_quarantined` of the training rows cannot be used.
    """
    train, test, sample = (read_table(path) for path in (data.train_csv, data.test_csv, data.sample_submission))
    found = find_columns(train, test, sample, columns)
    listing = list_images(train, test, sample, found)
    if not data.images.is_dir():
        raise UserError(str(data.images), "the folder with the images must exist", None, "See README, 'Your own data'.")
    with inspected(data.images, listing.frame["image"], params) as (findings, thumbnails):
        copies = exact_copies(findings.digest, findings.decoded)
        limits = params.near_duplicate_bits, params.near_duplicate_correlation
        groups = group(copies, findings.phash, *limits, thumbnails)
    reasons = _reasons(listing, findings, copies, params)
    unlisted, some_unlisted = _files_without_a_row(data.images, listing.frame["image"])
    _refuse_too_many(listing, reasons, params, some_unlisted)

    tables = [train, test, sample]
    warnings = [table.warning for table in tables if table.warning] + listing.warnings
    if unlisted:
        warnings.append(f"images: {unlisted} files have no row in train.csv or test.csv: {examples(some_unlisted)}")
    if data.attributes_csv.name != columns.attributes or data.attributes_csv.exists():
        attributes = read_table(data.data / columns.attributes)
        tables.append(attributes)
        warnings += _check_attributes(attributes, found.image, listing)
    content = {
        "image_column": found.image,
        "label_column": found.label,
        "label_dtype": listing.label_dtype,
        "classes": list(listing.classes),
        "demo": data.demo_marker.exists(),
        "counts": _counts(listing, reasons, unlisted),
        "class_counts": _class_counts(listing, reasons),
        "quarantined": _quarantined(listing, reasons),
        "duplicates": describe_duplicates(listing.frame, copies, groups),
        "csv": {table.path.name: {"encoding": table.encoding, "separator": table.separator} for table in tables},
        "warnings": warnings,
    }
    with atomic_file(index) as index_file, atomic_file(report) as report_file:
        _write_index(index_file, listing.frame, findings, reasons, groups)
        report_file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _reasons(listing: Listing, findings: Findings, copies: Rows, params: ValidateParams) -> dict[int, str]:
    """Why rows are set aside; what the file itself says comes before what its label says."""
    names = listing.frame["image"]
    in_train = (listing.frame["role"] == "train").to_numpy()
    reasons = dict(findings.reasons)
    # A small test picture is scored all the same: a poor guess is better than the fallback
    small = findings.decoded & in_train & (np.minimum(findings.width, findings.height) < params.min_side)
    for row in np.flatnonzero(small):
        size = f"{findings.width[row]}x{findings.height[row]}"
        reasons[int(row)] = f"{size} pixels, less than min_side = {params.min_side}"
    for row, reason in listing.reasons.items():
        reasons.setdefault(row, reason)

    usable = in_train & findings.decoded
    usable[list(reasons)] = False
    labels = listing.frame["label"].cat.codes.to_numpy()
    has = np.zeros((2, len(labels)), np.bool_)
    for label in (0, 1):
        has[label, copies[usable & (labels == label)]] = True
    for row in np.flatnonzero(usable & (has[0] & has[1])[copies]):
        other = np.flatnonzero((copies == copies[row]) & usable & (labels != labels[row]))[0]
        reasons[int(row)] = f"the same file as {names.iloc[other]}, which has another label"
    return dict(sorted(reasons.items()))


def _refuse_too_many(listing: Listing, reasons: dict[int, str], params: ValidateParams, unlisted: list[str]) -> None:
    names = listing.frame["image"]
    trained = int((listing.frame["role"] == "train").sum())
    bad = [(reason, names.iloc[row]) for row, reason in reasons.items() if row < trained]
    bad += [(reason, "") for reason in listing.unnamed]
    share = len(bad) / (trained + len(listing.unnamed))
    if share <= params.max_quarantined:
        return
    kinds: dict[str, list[str]] = {}
    for reason, name in bad:
        kinds.setdefault(_kind(reason), []).append(name or reason)
    frequent = sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))[:5]
    received = f"{len(bad)} ({share:.1%}): " + "; ".join(f"{kind}: {len(n)} ({examples(n)})" for kind, n in frequent)
    remedy = "Mend the files or rows; or raise validate.max_quarantined in params.yaml."
    if unlisted and "the file is missing" in kinds:
        remedy += f" The folder holds files that no row names, such as {unlisted[0]}: do the names agree?"
    expected = f"at most {params.max_quarantined:.1%} of the {trained} training rows may be unusable"
    raise UserError("train.csv", expected, received, remedy)


def _kind(reason: str) -> str:
    """A reason without what differs from picture to picture."""
    for kind in ("listed with contradicting labels", "no label", "the same file as another, with another label"):
        if reason.startswith(kind[:16]):
            return kind
    if reason.endswith("no image name"):
        return "no image name"
    if " pixels, " in reason or " bytes, " in reason:
        return reason.split(", ", 1)[1]
    return reason.split(" (")[0]


def _files_without_a_row(folder: Path, names: "pd.Series[str]") -> tuple[int, list[str]]:
    """How many, and the first few in sorted order; hidden files do not count."""
    listed = np.sort(_hash(names))
    count, some = 0, list[str]()
    for chunk in _files(folder):
        hashes = _hash(pd.Series(chunk, dtype="str"))
        place = np.minimum(np.searchsorted(listed, hashes), len(listed) - 1)
        missing = [name for name, known in zip(chunk, listed[place] == hashes, strict=True) if not known]
        count += len(missing)
        some = sorted([*some, *missing])[:20]
    return count, some


def _hash(names: "pd.Series[str]") -> npt.NDArray[np.uint64]:
    # 8 bytes a name, not the 60 of a Python string: there may be millions
    return pd.util.hash_array(names.to_numpy(dtype=object), categorize=False)


def _files(folder: Path, below: str = "") -> Iterator[list[str]]:
    chunk: list[str] = []
    folders: list[str] = []
    with os.scandir(folder / below) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
                continue
            chunk.append(below + entry.name)
            if len(chunk) == ROWS_AT_ONCE:
                yield chunk
                chunk = []
    if chunk:
        yield chunk
    for name in sorted(folders):
        yield from _files(folder, f"{below}{name}/")


def _check_attributes(attributes: Table, image_column: str, listing: Listing) -> list[str]:
    if image_column not in attributes.frame.columns:
        headers = ", ".join(attributes.frame.columns)
        raise UserError(attributes.where(), f"the column {image_column!r} must be there", headers)
    names = attributes.frame[image_column]
    warnings = []
    twice = names[names.duplicated()]
    if len(twice):
        warnings.append(f"{attributes.path.name}: {len(twice)} rows repeat a name; the first counts: {examples(twice)}")
    alien = names[~names.isin(listing.frame["image"])]
    if len(alien):
        warnings.append(f"{attributes.path.name}: {len(alien)} names are in no other file: {examples(alien)}")
    return warnings


def _counts(listing: Listing, reasons: dict[int, str], unlisted: int) -> dict[str, int]:
    trained = int((listing.frame["role"] == "train").sum())
    in_train = sum(row < trained for row in reasons)
    return {
        "train_rows": trained + len(listing.unnamed),
        "train_usable": trained - in_train,
        "train_quarantined": in_train + len(listing.unnamed),
        "test_rows": len(listing.frame) - trained,
        "test_unreadable": len(reasons) - in_train,
        "files_without_a_row": unlisted,
    }


def _class_counts(listing: Listing, reasons: dict[int, str]) -> dict[str, int]:
    usable = np.ones(len(listing.frame), np.bool_)
    usable[list(reasons)] = False
    counts = Counter(listing.frame["label"][usable].dropna())
    return {label: counts[label] for label in listing.classes}


def _quarantined(listing: Listing, reasons: dict[int, str]) -> list[dict[str, str]]:
    frame = listing.frame
    rows = [{"image": "", "role": "train", "reason": reason} for reason in listing.unnamed]
    for row, reason in reasons.items():
        rows.append({"image": frame["image"].iloc[row], "role": frame["role"].iloc[row], "reason": reason})
    return rows


def _write_index(path: Path, frame: pd.DataFrame, findings: Findings, reasons: dict[int, str], groups: Rows) -> None:
    empty = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in DTYPES.items()})
    schema = pa.Schema.from_pandas(empty, preserve_index=False)
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, len(frame), ROWS_AT_ONCE):
            rows = range(start, min(start + ROWS_AT_ONCE, len(frame)))
            part = slice(start, rows.stop)
            decoded = findings.decoded[part]
            size, digests = findings.size[part], findings.digest[part]
            modes = findings.mode[part]
            columns = {
                "image": frame["image"].iloc[part],
                "role": frame["role"].iloc[part],
                "label": frame["label"].iloc[part],
                "status": ["quarantined" if row in reasons else "ok" for row in rows],
                "reason": [reasons.get(row) for row in rows],
                "width": pd.array(findings.width[part], "Int64"),
                "height": pd.array(findings.height[part], "Int64"),
                "mode": [findings.modes[mode] if mode >= 0 else None for mode in modes],
                "bytes": pd.array(size, "Int64"),
                "sha256": [d.hex() if any(d) else None for d in map(bytes, digests)],
                "phash": pd.array(findings.phash[part], "UInt64"),
                "group": groups[part],
            }
            chunk = pd.DataFrame({name: pd.Series(np.asarray(v) if 0 else v).array for name, v in columns.items()})
            chunk.loc[~decoded, ["width", "height", "phash"]] = pd.NA
            chunk.loc[size == 0, "bytes"] = pd.NA
            writer.write_table(pa.Table.from_pandas(chunk.astype(DTYPES), schema=schema, preserve_index=False))
