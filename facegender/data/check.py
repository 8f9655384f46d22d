"""Check a data folder: its tables, its images, and whether the two agree."""

from collections import Counter

import numpy as np

from facegender.data.duplicates import find_exact_copies, group_duplicates
from facegender.data.duplicates_report import describe_duplicates
from facegender.data.image_findings import inspect_images
from facegender.data.index import write_index
from facegender.data.label_overrides import NO_OVERRIDES, apply_overrides
from facegender.data.quarantine import find_reasons, refuse_too_many
from facegender.data.reader_pool import Readers
from facegender.data.rows import Listing, format_examples, is_in, is_repeated, list_images
from facegender.data.tables import Columns, Table, find_columns, read_table
from facegender.data.unlisted_files import find_unlisted_files
from facegender.errors import UserError
from facegender.files.atomic import atomic_file
from facegender.files.json_files import write_json
from facegender.files.layout import Layout
from facegender.params.sections import DataParams
from facegender.params.stage_params import ValidateStageParams


def check_data(layout: Layout, stage: ValidateStageParams, readers: Readers) -> None:
    """Check the data folder, with its images read by `readers`; write index.parquet and validation.json.

    Raises
    ------
    UserError
        See `read_table`, `find_columns`, `list_images`, `apply_overrides`, `inspect_images` and `refuse_too_many`.
    """
    params = stage.validation
    columns, listing, csv, overrides = _read_tables(layout, stage.data)
    with inspect_images(readers, listing.frame["image"]) as (findings, thumbnails):
        copies = find_exact_copies(findings.digest, findings.decoded)
        limits = params.near_duplicate_bits, params.near_duplicate_correlation
        groups = group_duplicates(copies, findings.phash, *limits, thumbnails)
    reasons = find_reasons(listing, findings, copies, params)
    unlisted, some_unlisted = find_unlisted_files(layout.images, listing.frame["image"])
    refuse_too_many(listing, reasons, params, some_unlisted)

    warnings = list(listing.warnings)
    if unlisted:
        names = format_examples(some_unlisted)
        warnings.append(f"images: {unlisted} files have no row in train.csv or test.csv: {names}")
    content = {
        "image_column": columns.image,
        "label_column": columns.label,
        "label_dtype": listing.label_dtype,
        "classes": list(listing.classes),
        "demo": layout.demo_marker.exists(),
        "counts": _count_rows(listing, reasons, unlisted),
        "class_counts": _count_classes(listing, reasons),
        "quarantined": _list_quarantined(listing, reasons),
        "overrides": overrides,
        "duplicates": describe_duplicates(listing.frame, copies, groups),
        "csv": csv,
        "warnings": warnings,
    }
    with atomic_file(layout.index) as index_file, atomic_file(layout.validation) as report_file:
        write_index(index_file, listing.frame, findings, reasons, groups)
        write_json(report_file, content)


def _read_tables(
    layout: Layout, params: DataParams
) -> tuple[Columns, Listing, dict[str, dict[str, str]], dict[str, int]]:
    """Read and check all CSV files before the long work on the images begins, and free the tables themselves.

    Returns
    -------
    The columns, the list of images, encoding and separator by file name, and the counts of `apply_overrides`.
    """
    train, test, sample = (read_table(path) for path in (layout.train_csv, layout.test_csv, layout.sample_submission))
    columns = find_columns(train, test, sample, params)
    listing = list_images(train, test, sample, columns)
    tables = [train, test, sample]
    attributes_csv = layout.data / params.attributes
    if attributes_csv.exists() or params.attributes != DataParams().attributes:  # the default file is optional
        tables.append(read_table(attributes_csv))
        listing.warnings += _check_attributes(tables[-1], columns.image, listing)
    overrides = NO_OVERRIDES
    if layout.label_overrides.exists():
        tables.append(read_table(layout.label_overrides))
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
    repeated = names[is_repeated(names)]
    if len(repeated):
        text = f"{len(repeated)} rows repeat a name; the first counts: {format_examples(repeated)}"
        warnings.append(f"{attributes.path.name}: {text}")
    unknown = names[~is_in(names, listing.frame["image"])]
    if len(unknown):
        text = f"{len(unknown)} names are in no other file: {format_examples(unknown)}"
        warnings.append(f"{attributes.path.name}: {text}")
    return warnings


def _count_rows(listing: Listing, reasons: dict[int, str], unlisted: int) -> dict[str, int]:
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


def _count_classes(listing: Listing, reasons: dict[int, str]) -> dict[str, int]:
    usable = np.ones(len(listing.frame), np.bool_)
    usable[list(reasons)] = False
    counts = Counter(listing.frame["label"][usable].dropna())
    return {label: counts[label] for label in listing.classes}


def _list_quarantined(listing: Listing, reasons: dict[int, str]) -> list[dict[str, str]]:
    frame = listing.frame
    rows = [{"image": "", "role": "train", "reason": reason} for reason in listing.unnamed]
    for row, reason in reasons.items():
        rows.append({"image": frame["image"].iloc[row], "role": frame["role"].iloc[row], "reason": reason})
    return rows
