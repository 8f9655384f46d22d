"""Ours from the images, with the whole backbone training: how fast an epoch is, in images a second.

python -m benchmarks.train_online, in a folder with data/ and params.yaml (benchmarks.workspace)

Of two epochs the second counts, its validation included: in the first one TensorFlow also builds its functions.
"""

import json
import re
import subprocess
import sys
import time

import pandas as pd

from facegender.files.splits import trains, validates

EPOCH = re.compile(r"train: fine_tune epoch ")
for stage in ("validate", "split", "features"):
    subprocess.run([sys.executable, "-m", "facegender", stage], check=True, capture_output=True)
fold = pd.read_parquet("artifacts/splits.parquet")["fold"]
process = subprocess.Popen([sys.executable, "-m", "facegender", "train"], stderr=subprocess.PIPE, text=True)
assert process.stderr
ends = []
for line in process.stderr:
    print(line, end="", file=sys.stderr, flush=True)
    if EPOCH.search(line):
        ends.append(time.perf_counter())
if process.wait():
    sys.exit("facegender train failed")
seconds = ends[1] - ends[0]
trained, validated = int(trains(fold).sum()), int(validates(fold).sum())
print(
    json.dumps(
        {
            "trained": trained,
            "validated": validated,
            "epoch_seconds": round(seconds, 2),
            "images_per_second": round(trained / seconds, 1),
        }
    )
)
