"""What wrong labels cost, how many of them the review finds, what `compare` says of the models they make, and what
calibration does for each.

From a finished run (data/, artifacts/ with features) it trains, on the same features and rows: `seed`, the same with
another seed; `noise30`, with 30% of the training labels flipped; `noise5`, with 5% flipped; `repaired`, where a person
who knows the truth has gone through the 10% most suspect rows of `noise5`. All are judged on the run's own validation
labels, which nobody flipped. About five minutes a model on 2 cores; one that is there already is not made again.

    python benchmarks/label_noise.py --out /somewhere                  # all four, and the table
    python benchmarks/label_noise.py --out /somewhere --only noise5    # one, and the table of those that are there
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
REVIEWED = 0.1  # share of the labelled rows that the person looks at
VARIANTS = ("seed", "noise30", "noise5", "repaired")
SHARE = {"seed": 0.0, "noise30": 0.3, "noise5": 0.05, "repaired": 0.05}


def say(text: str) -> None:
    """A line of the result."""
    sys.stdout.write(text + "\n")


def flip(splits: pd.DataFrame, share: float, classes: list[str]) -> pd.DataFrame:
    """The splits with this share of the training rows' labels turned around."""
    rows = np.flatnonzero(trains(splits["fold"]))
    chosen = np.random.default_rng(SEED).choice(rows, round(share * len(rows)), replace=False)
    turned = splits.copy()
    other = dict(zip(classes, reversed(classes), strict=True))
    turned.loc[chosen, "label"] = [other[label] for label in splits.loc[chosen, "label"]]
    return turned


def repair(run: Layout, truth: pd.DataFrame, noisy: pd.DataFrame, positive: str, folds: int) -> pd.DataFrame:
    """The noisy splits after a review of the most suspect rows; says how many of the flips were among them."""
    suspects = find_suspects(run.features, noisy, positive, folds, SEED)
    assert suspects is not None, "the run must have cached features"
    reviewed = noisy["image"].isin(suspects["image"][: round(REVIEWED * len(noisy))])
    flipped = noisy["label"] != truth["label"]
    found = int((flipped & reviewed).sum())
    say(f"{found} of {int(flipped.sum())} flipped labels are among the {int(reviewed.sum())} most suspect rows")
    return noisy.assign(label=noisy["label"].where(~reviewed, truth["label"]))


def make(name: str, run: Layout, params: Path, out: Path) -> None:
    """Train and evaluate one variant into its own artifacts folder."""
    values = yaml.safe_load(params.read_text(encoding="utf-8"))
    classes = json.loads(run.validation.read_text(encoding="utf-8"))["classes"]
    truth = pd.read_parquet(run.splits)
    splits = flip(truth, SHARE[name], classes)
    if name == "seed":
        values["train"]["seed"] += 1
    if name == "repaired":
        splits = repair(run, truth, splits, classes[1], read_params(params).evaluate.crossfit_folds)
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
    truth.to_parquet(here.splits, index=False)  # judged by labels that nobody flipped
    subprocess.run([*command, "evaluate", *options], check=True)


def line(name: str, evaluation: Path, found: Comparison | None, margin: float) -> str:
    """One model's row of the table."""
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
    """Make what is missing of the variants asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=VARIANTS, help="Which models to make.")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"), help="Of the finished run.")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    run, params = Layout(asked.data, asked.artifacts), read_params(asked.params)
    for name in asked.only:
        if not (asked.out / name / "evaluation").is_dir():
            make(name, run, asked.params, asked.out)
    say(line("the run", run.evaluation, None, params.compare.margin))
    for name in VARIANTS:
        evaluation = asked.out / name / "evaluation"
        if evaluation.is_dir():
            found, _ = compare_models(run.evaluation, evaluation, run.attributes_csv, params.evaluate)
            say(line(name, evaluation, found, params.compare.margin))


if __name__ == "__main__":
    main()
