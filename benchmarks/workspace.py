"""The workspace of the peers: one data folder, validated and split once, so that all work on the same rows."""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from benchmarks.child import Result, module_command, require_success, run_child
from benchmarks.setting import Sections
from facegender.files.splits import held_out, trains

LABELLED = 0.75  # share of the images that `multiply_data` puts into train.csv; the others go into test.csv


def prepare_workspace(data: Path, root: Path, changes: Sections) -> Path:
    """Fill and return `root`: data/ (a link), params.yaml, the artifacts of validate and split, and rows.csv.

    rows.csv lists the rows that all peers work on: image, class, split ("train" or "validation").
    """
    root.mkdir(parents=True, exist_ok=True)
    link = root / "data"
    if link.resolve() != data.resolve():
        link.unlink(missing_ok=True)
        link.symlink_to(data.resolve())
    write_changed_params(root / "params.yaml", changes)
    for stage in ("validate", "split"):
        run_stage(root, stage)
    splits = pd.read_parquet(root / "artifacts/splits.parquet")
    split = np.where(trains(splits["fold"]), "train", "validation")
    rows = pd.DataFrame({"image": splits["image"], "class": splits["label"].astype(str), "split": split})
    rows[~held_out(splits["fold"])].to_csv(root / "rows.csv", index=False)
    return root


def write_changed_params(path: Path, changes: Sections) -> None:
    """Write a parameter file that holds only what differs from the defaults."""
    path.write_text(yaml.safe_dump(changes), encoding="utf-8")


def run_stage(root: Path, stage: str) -> Result:
    """Run a stage of ours in `root`; end the benchmark if it fails."""
    return require_success(run_child(module_command("facegender", stage), cwd=root), f"facegender {stage}")


def multiply_data(data: Path, out: Path, count: int) -> None:
    """Make a data folder of `count` images, hard links to those of `data`; three quarters of them are labelled."""
    (out / "images").mkdir(parents=True)
    with (data / "train.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    rows = [row for row in rows if (data / "images" / row[0]).is_file()]
    lines = []
    for number in range(count):
        name, *rest = rows[number % len(rows)]
        new_name = f"{number:06d}{Path(name).suffix}"
        source, target = data / "images" / name, out / "images" / new_name
        try:
            os.link(source, target)
        except OSError:  # another file system
            shutil.copyfile(source, target)
        lines.append([new_name, *rest])
    labelled = round(count * LABELLED)
    tables = {
        "train.csv": [header, *lines[:labelled]],
        "test.csv": [header[:1], *([line[0]] for line in lines[labelled:])],
        "sample_submission.csv": [header, *([line[0], rows[0][1]] for line in lines[labelled:])],
    }
    for name, table in tables.items():
        with (out / name).open("w", newline="") as file:
            csv.writer(file).writerows(table)
