"""Peer: Pillow and ONNX Runtime. Arguments: images, rows.csv, model.onnx, output CSV."""

import json
import sys

import numpy as np
import onnxruntime
import pandas as pd
from PIL import Image

images, names, model, out = sys.argv[1:]
rows = pd.read_csv(names, dtype=str)[["image"]]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
given = session.get_inputs()[0]
size = given.shape[1:3]


def read(name: str) -> np.ndarray:
    return np.asarray(Image.open(f"{images}/{name}").convert("RGB").resize(size), np.float32)


found = []
for start in range(0, len(rows), 32):
    batch = np.stack([read(name) for name in rows["image"].iloc[start : start + 32]])
    found += session.run(None, {given.name: batch})[0][:, 0].tolist()
rows["probability"] = found
rows.to_csv(out, index=False)
print(json.dumps({"n": len(rows)}))
