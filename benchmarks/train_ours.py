"""Peer "ours" and the two that build on it: the project's own stages, each measured.

python -m benchmarks.train_ours first|second|folds, in the folder that benchmarks.workspace prepared

first: compute all features, then train; second: train with another learning rate on these features; folds: a
cross-validation on them. What an earlier, killed run has left is removed first.
"""

import json
import shutil
import sys
from pathlib import Path

import pandas as pd

from benchmarks.child import seconds_since_start
from benchmarks.epoch_log import run_stage
from facegender.files.splits import trains, validates

STAGES = {
    "first": ("params.yaml", ("features", "train")),
    "second": ("second.yaml", ("train",)),
    "folds": ("params.yaml", ("fold-features", "train-folds", "cross-validate")),
}
artifacts = Path("artifacts")
params, stages = STAGES[sys.argv[1]]
left = (".resume", "fold_features", "folds", "cross_validation", *(("features",) if sys.argv[1] == "first" else ()))
for name in left:
    shutil.rmtree(artifacts / name, ignore_errors=True)
runs = {stage: run_stage(stage, "--params", params) for stage in stages}
times = {stage: {"seconds": run.seconds, "cpu_seconds": run.cpu_seconds} for stage, run in runs.items()}
found: dict[str, object] = {"stages": times}
if "train" in stages:
    # from the history, because the log rounds accuracies
    history = pd.read_csv(artifacts / "model/history.csv")
    tuned = history[history["phase"] == "fine_tune"]
    accuracies = tuned["val_accuracy"].tolist()
    ends = [round(seconds_since_start(end), 2) for end in runs["train"].epoch_ends]
    epochs = zip(ends, accuracies, strict=True)
    found["epochs"] = [{"seconds": end, "val_accuracy": accuracy} for end, accuracy in epochs]
    found["kept_accuracy"] = accuracies[int(tuned["val_loss"].to_numpy().argmin())]
    fold = pd.read_parquet(artifacts / "splits.parquet")["fold"]
    found |= {"trained": int(trains(fold).sum()), "validated": int(validates(fold).sum())}
print(json.dumps(found))
