"""Limit of every peer: the chosen engine alone, on batches in memory. Arguments: number of images, model folder."""

import json
import sys
import time
from pathlib import Path

import numpy as np

from facegender.scoring.score import load_engine

count, model = int(sys.argv[1]), Path(sys.argv[2])
size = json.loads((model / "classes.json").read_text())["image_size"]
batch = np.random.default_rng(0).integers(0, 256, (32, size, size, 3)).astype(np.uint8)
engine = load_engine(model)
list(engine.map([batch] * 4))
began = time.perf_counter()
batches = -(-count // 32)
list(engine.map(batch for _ in range(batches)))
rate = batches * 32 / (time.perf_counter() - began)
print(json.dumps({"n": batches * 32, "images_per_second": round(rate, 1), "engine": engine.name}))
