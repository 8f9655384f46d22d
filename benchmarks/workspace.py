"""One data folder, validated and split once, so that every peer works on the same rows."""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from benchmarks.child import python, run
from facegender.files.splits import held_out, trains

LABELLED = 0.75  # of the pictures that `multiply` makes; the others are test images


def prepare(data: Path, root: Path, changes: dict[str, dict[str, object]]) -> Path:
    """`root` with data/ (a link), params.yaml, artifacts/ of validate and split, and rows.csv: image, class, part."""
    root.mkdir(parents=True, exist_ok=True)
    link = root / "data"
    if link.resolve() != data.resolve():
        link.unlink(missing_ok=True)
        link.symlink_to(data.resolve())
    write_params(root / "params.yaml", changes)
    for stage in ("validate", "split"):
        stage_run(root, stage)
    splits = pd.read_parquet(root / "artifacts/splits.parquet")
    part = np.where(trains(splits["fold"]), "train", "validation")
    rows = pd.DataFrame({"image": splits["image"], "class": splits["label"].astype(str), "part": part})
    rows[~held_out(splits["fold"])].to_csv(root / "rows.csv", index=False)
    return root


def write_params(path: Path, changes: dict[str, dict[str, object]]) -> None:
    """A parameter file of what differs from the defaults."""
    path.write_text(yaml.safe_dump(changes), encoding="utf-8")


def stage_run(root: Path, *stage: str) -> dict[str, object]:
    """Run a stage of ours in `root`; a failure ends the benchmark, for there is nothing to compare with."""
    result = run(python("facegender", *stage), cwd=root)
    if "failed" in result:
        raise SystemExit(f"facegender {stage[0]}: {result['failed']}")
    return result


def multiply(data: Path, out: Path, n: int) -> None:
    """A data folder of `n` pictures that are hard links to those of `data`, three quarters of them labelled."""
    (out / "images").mkdir(parents=True)
    with (data / "train.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    rows = [row for row in rows if (data / "images" / row[0]).is_file()]
    lines = []
    for number in range(n):
        name, *rest = rows[number % len(rows)]
        here = f"{number:06d}{Path(name).suffix}"
        source, target = data / "images" / name, out / "images" / here
        try:
            os.link(source, target)
        except OSError:  # another file system: copy once, then link
            shutil.copyfile(source, target)
        lines.append([here, *rest])
    labelled = round(n * LABELLED)
    tables = {
        "train.csv": [header, *lines[:labelled]],
        "test.csv": [header[:1], *([line[0]] for line in lines[labelled:])],
        "sample_submission.csv": [header, *([line[0], rows[0][1]] for line in lines[labelled:])],
    }
    for name, table in tables.items():
        with (out / name).open("w", newline="") as file:
            csv.writer(file).writerows(table)
