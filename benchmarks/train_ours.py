"""Ours: `facegender features` where none are there, then `facegender train`; when each epoch ends is read off its log.

python -m benchmarks.train_ours fresh|again, in the folder that benchmarks.workspace prepared
"""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

EPOCH = re.compile(r"train: fine_tune epoch .*val_accuracy ([\d.]+)")
began = time.perf_counter()
epochs, stages = [], {}
if sys.argv[1] == "fresh":
    for left in ("features", ".resume"):
        shutil.rmtree(Path("artifacts") / left, ignore_errors=True)
for stage in ("features", "train") if sys.argv[1] == "fresh" else ("train",):
    start = time.perf_counter()
    params = "params.yaml" if sys.argv[1] == "fresh" else "again.yaml"
    process = subprocess.Popen(
        [sys.executable, "-m", "facegender", stage, "--params", params], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    for line in process.stderr:
        if found := EPOCH.search(line):
            epochs.append({"seconds": round(time.perf_counter() - began, 2), "val_accuracy": float(found[1])})
    if process.wait():
        sys.exit(f"facegender {stage} failed")
    stages[stage] = round(time.perf_counter() - start, 2)
print(json.dumps({"epochs": epochs, "stages": stages}))
