"""Measure what wrong labels cost, how many of them the review finds, and what `compare` and calibration make of it.

From a finished run (data/, artifacts/ with features) this trains four models on the same features and rows:

    seed       with another seed
    noise30    with 30% of the training labels flipped
    noise5     with 5% flipped
    repaired   as noise5, after a person who knows the truth has reviewed the 10% most suspect rows

All are evaluated on the run's own validation labels, of which none is flipped. A model takes about five minutes on
2 cores; one that exists already is not trained again.

    python -m benchmarks.label_noise --out /somewhere                  # all four, and the table
    python -m benchmarks.label_noise --out /somewhere --only noise5    # one, and the table of all that exist
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from facegender.evaluation.compare import Comparison, compare_models
from facegender.evaluation.label_issues import find_suspects
from facegender.files.layout import Layout
from facegender.files.splits import trains
from facegender.params.reading import read_params

SEED = 2026
REVIEWED = 0.1  # share of the labelled rows that the person reviews
VARIANTS = ("seed", "noise30", "noise5", "repaired")
SHARE = {"seed": 0.0, "noise30": 0.3, "noise5": 0.05, "repaired": 0.05}


def flip_labels(splits: pd.DataFrame, share: float, classes: list[str]) -> pd.DataFrame:
    """The splits with this share of the training rows' labels turned around."""
    rows = np.flatnonzero(trains(splits["fold"]))
    chosen = np.random.default_rng(SEED).choice(rows, round(share * len(rows)), replace=False)
    flipped = splits.copy()
    other = dict(zip(classes, reversed(classes), strict=True))
    flipped.loc[chosen, "label"] = [other[label] for label in splits.loc[chosen, "label"]]
    return flipped


def repair_labels(run: Layout, truth: pd.DataFrame, noisy: pd.DataFrame, positive: str, folds: int) -> pd.DataFrame:
    """Return the noisy splits after a review of the most suspect rows; print how many flipped labels these include."""
    suspects = find_suspects(run.features, noisy, positive, folds, SEED)
    assert suspects is not None, "the run must have cached features"
    reviewed = noisy["image"].isin(suspects["image"][: round(REVIEWED * len(noisy))])
    flipped = noisy["label"] != truth["label"]
    found = int((flipped & reviewed).sum())
    print(f"{found} of {int(flipped.sum())} flipped labels are among the {int(reviewed.sum())} most suspect rows")
    return noisy.assign(label=noisy["label"].where(~reviewed, truth["label"]))


def train_variant(name: str, run: Layout, params: Path, out: Path) -> None:
    """Train and evaluate one model in an artifacts folder of its own."""
    values = yaml.safe_load(params.read_text(encoding="utf-8"))
    classes = json.loads(run.validation.read_text(encoding="utf-8"))["classes"]
    truth = pd.read_parquet(run.splits)
    splits = flip_labels(truth, SHARE[name], classes)
    if name == "seed":
        values["train"]["seed"] += 1
    if name == "repaired":
        splits = repair_labels(run, truth, splits, classes[1], read_params(params).evaluate.crossfit_folds)
    here = Layout(run.data, out / name)
    here.artifacts.mkdir(parents=True, exist_ok=True)
    for shared in (run.index, run.validation, run.features):
        link = here.artifacts / shared.name
        if not link.exists():
            link.symlink_to(shared.resolve())
    changed = out / name / "params.yaml"
    changed.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    options = ["--params", str(changed), "--data", str(run.data), "--artifacts", str(here.artifacts)]
    splits.to_parquet(here.splits, index=False)
    command = [sys.executable, "-m", "facegender"]
    subprocess.run([*command, "train", *options], check=True)
    truth.to_parquet(here.splits, index=False)  # evaluated on the true labels
    subprocess.run([*command, "evaluate", *options], check=True)


def describe_model(name: str, evaluation: Path, found: Comparison | None, margin: float) -> str:
    """Return a model's line of the table."""
    metrics = json.loads((evaluation / "metrics.json").read_text(encoding="utf-8"))
    cells = [f"{metrics['accuracy'][key]:.3f}" for key in ("value", "low", "high")]
    row = f"{name:10} accuracy {cells[0]} ({cells[1]} to {cells[2]}, n = {metrics['n']:,})"
    before, after = (part["expected_calibration_error"]["value"] for part in (metrics["uncalibrated"], metrics))
    row += f"; calibration error {before:.4f} before, {after:.4f} after"
    if found is None:
        return row
    change = [
        f"{100 * (end or 0.0):+.1f}" for end in (found.difference.value, found.difference.low, found.difference.high)
    ]
    verdict = found.verdict(margin)
    return f"{row}; against the run {change[0]} points ({change[1]} to {change[2]}), p {found.p_value:.2g}: {verdict}"


def main() -> None:
    """Train the chosen models that do not exist yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=VARIANTS, help="the models to train")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), help="parameters of the finished run")
    parser.add_argument("--data", type=Path, default=Path("data"), help="data folder of the finished run")
    parser.add_argument(
        "--artifacts", type=Path, default=Path("artifacts"), help="artifacts folder of the finished run"
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder for the models")
    asked = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    run, params = Layout(asked.data, asked.artifacts), read_params(asked.params)
    for name in asked.only:
        if not (asked.out / name / "evaluation").is_dir():
            train_variant(name, run, asked.params, asked.out)
    print(describe_model("the run", run.evaluation, None, params.compare.margin))
    for name in VARIANTS:
        evaluation = asked.out / name / "evaluation"
        if evaluation.is_dir():
            found, _ = compare_models(run.evaluation, evaluation, run.attributes_csv, params.evaluate)
            print(describe_model(name, evaluation, found, params.compare.margin))


if __name__ == "__main__":
    main()
