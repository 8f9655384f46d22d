"""Ours, by the project's own stages, each measured; when each epoch ends is read off the log of `facegender train`.

python -m benchmarks.train_ours fresh|again|folds, in the folder that benchmarks.workspace prepared

fresh: features from nothing, then training; again: training with another learning rate on the features that are there;
folds: a cross-validation on them. Nothing of an earlier, killed run helps.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from benchmarks.child import since_start
from facegender.files.splits import trains, validates

STAGES = {
    "fresh": ("params.yaml", ("features", "train")),
    "again": ("again.yaml", ("train",)),
    "folds": ("params.yaml", ("fold-features", "train-folds", "cross-validate")),
}
EPOCH = re.compile(r"train: fine_tune epoch ")
artifacts = Path("artifacts")
params, stages = STAGES[sys.argv[1]]
left = (".resume", "fold_features", "folds", "cross_validation", *(("features",) if sys.argv[1] == "fresh" else ()))
for name in left:
    shutil.rmtree(artifacts / name, ignore_errors=True)
took, ends = {}, []
for stage in stages:
    start = time.perf_counter()
    command = [sys.executable, "-m", "facegender", stage, "--params", params]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    for line in process.stderr:
        print(line, end="", file=sys.stderr, flush=True)
        if EPOCH.search(line):
            ends.append(since_start())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"facegender {stage} failed")
    took[stage] = {
        "seconds": round(time.perf_counter() - start, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
    }
found: dict[str, object] = {"stages": took}
if "train" in stages:
    # the log rounds accuracies; the history does not
    history = pd.read_csv(artifacts / "model/history.csv")
    tuned = history[history["phase"] == "fine_tune"]
    accuracies = tuned["val_accuracy"].tolist()
    rows = zip(ends, accuracies, strict=True)
    found["epochs"] = [{"seconds": round(end, 2), "val_accuracy": accuracy} for end, accuracy in rows]
    found["kept_accuracy"] = accuracies[int(tuned["val_loss"].to_numpy().argmin())]
    fold = pd.read_parquet(artifacts / "splits.parquet")["fold"]
    found |= {"trained": int(trains(fold).sum()), "validated": int(validates(fold).sum())}
print(json.dumps(found))
