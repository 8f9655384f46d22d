"""All of a data folder checked: its tables, its images, and what the two say of each other."""

from collections import Counter

import numpy as np

from facegender.data.duplicates import exact_copies, group
from facegender.data.duplicates_report import describe_duplicates
from facegender.data.image_findings import inspected
from facegender.data.index import write_index
from facegender.data.label_overrides import NONE, apply_overrides
from facegender.data.quarantine import find_reasons, refuse_too_many
from facegender.data.reader_pool import Readers
from facegender.data.rows import Listing, among, examples, list_images, repeats
from facegender.data.tables import Columns, Table, find_columns, read_table
from facegender.data.unlisted_files import files_without_a_row
from facegender.errors import UserError
from facegender.files.atomic import atomic_file
from facegender.files.json_files import write_json
from facegender.files.layout import Layout
from facegender.params.sections import DataParams
from facegender.params.stage_params import ValidateStageParams
from facegender.runtime.memory import trim


def check_data(layout: Layout, stage: ValidateStageParams, readers: Readers) -> None:
    """Check the data folder, whose images `readers` read; write index.parquet and validation.json.

    Raises
    ------
    UserError
        See `read_table`, `find_columns`, `list_images`, `apply_overrides` and `inspected`; more than
        `params.max_quarantined` of the training rows cannot be used.
    """
    params = stage.validation
    found, listing, csv, overrides = _read_rows(layout, stage.data)
    trim()
    with inspected(readers, listing.frame["image"]) as (findings, thumbnails):
        copies = exact_copies(findings.digest, findings.decoded)
        limits = params.near_duplicate_bits, params.near_duplicate_correlation
        groups = group(copies, findings.phash, *limits, thumbnails)
    reasons = find_reasons(listing, findings, copies, params)
    unlisted, some_unlisted = files_without_a_row(layout.images, listing.frame["image"])
    refuse_too_many(listing, reasons, params, some_unlisted)

    warnings = list(listing.warnings)
    if unlisted:
        warnings.append(f"images: {unlisted} files have no row in train.csv or test.csv: {examples(some_unlisted)}")
    content = {
        "image_column": found.image,
        "label_column": found.label,
        "label_dtype": listing.label_dtype,
        "classes": list(listing.classes),
        "demo": layout.demo_marker.exists(),
        "counts": _counts(listing, reasons, unlisted),
        "class_counts": _class_counts(listing, reasons),
        "quarantined": _quarantined(listing, reasons),
        "overrides": overrides,
        "duplicates": describe_duplicates(listing.frame, copies, groups),
        "csv": csv,
        "warnings": warnings,
    }
    with atomic_file(layout.index) as index_file, atomic_file(layout.validation) as report_file:
        write_index(index_file, listing.frame, findings, reasons, groups)
        write_json(report_file, content)


def _read_rows(data: Layout, params: DataParams) -> tuple[Columns, Listing, dict[str, dict[str, str]], dict[str, int]]:
    """All that the CSVs say, before the long work on the images begins; the tables themselves are let go."""
    train, test, sample = (read_table(path) for path in (data.train_csv, data.test_csv, data.sample_submission))
    columns = find_columns(train, test, sample, params)
    listing = list_images(train, test, sample, columns)
    tables = [train, test, sample]
    attributes_csv = data.data / params.attributes
    if attributes_csv.exists() or params.attributes != DataParams().attributes:  # the default file is not needed
        tables.append(read_table(attributes_csv))
        listing.warnings += _check_attributes(tables[-1], columns.image, listing)
    overrides = NONE
    if data.label_overrides.exists():
        tables.append(read_table(data.label_overrides))
        overrides = apply_overrides(tables[-1], listing)
    listing.warnings[:0] = [table.warning for table in tables if table.warning]
    csv = {table.path.name: {"encoding": table.encoding, "separator": table.separator} for table in tables}
    return columns, listing, csv, overrides


def _check_attributes(attributes: Table, image_column: str, listing: Listing) -> list[str]:
    if image_column not in attributes.frame.columns:
        headers = ", ".join(attributes.frame.columns)
        raise UserError(attributes.where(), f"the column {image_column!r} must be there", headers)
    names = attributes.frame[image_column]
    warnings = []
    twice = names[repeats(names)]
    if len(twice):
        warnings.append(f"{attributes.path.name}: {len(twice)} rows repeat a name; the first counts: {examples(twice)}")
    alien = names[~among(names, listing.frame["image"])]
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
