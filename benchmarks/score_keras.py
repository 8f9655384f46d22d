"""Peer: Keras `predict` over `flow_from_dataframe`. Arguments: images, rows.csv, model folder, output CSV."""

import json
import sys

import keras
import pandas as pd
from keras.src.legacy.preprocessing.image import ImageDataGenerator

images, names, model, out = sys.argv[1:]
rows = pd.read_csv(names, dtype=str)[["image"]]
network = keras.models.load_model(f"{model}/model.keras", compile=False)
flow = ImageDataGenerator().flow_from_dataframe(
    rows, images, "image", None, target_size=network.input.shape[1:3], class_mode=None, batch_size=32, shuffle=False
)
rows["probability"] = network.predict(flow, verbose=0)[:, 0]
rows.to_csv(out, index=False)
print(json.dumps({"n": len(rows)}))
