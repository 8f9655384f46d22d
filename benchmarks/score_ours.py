"""Peer "ours": `facegender.scoring.score.score` to a CSV. Arguments: images, rows.csv, model folder, output CSV."""

import json
import sys
import time
from pathlib import Path

import pandas as pd

from facegender.scoring.score import score

images, names, model, out = sys.argv[1:]
rows = pd.read_csv(names, dtype=str)[["image"]]
began = time.perf_counter()
rows["probability"] = score(Path(model), [Path(images) / name for name in rows["image"]]).probabilities
rate = len(rows) / (time.perf_counter() - began)
rows.to_csv(out, index=False)
print(json.dumps({"n": len(rows), "images_per_second": round(rate, 1)}))
