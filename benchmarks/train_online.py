"""Peer "ours, whole backbone online": images per second of an epoch on raw images.

python -m benchmarks.train_online, in a folder with data/ and params.yaml (benchmarks.workspace)

The second of two epochs counts, its validation included: in the first, TensorFlow also builds its functions.
"""

import json
import subprocess
import sys

import pandas as pd

from benchmarks.epoch_log import run_stage
from facegender.files.splits import trains, validates

for stage in ("validate", "split", "features"):
    subprocess.run([sys.executable, "-m", "facegender", stage], check=True, capture_output=True)
fold = pd.read_parquet("artifacts/splits.parquet")["fold"]
ends = run_stage("train").epoch_ends
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
