"""Peer: Keras `predict` over tf.data. Arguments: images, rows.csv, model folder, output CSV."""

import json
import sys

import keras
import pandas as pd
import tensorflow as tf

images, names, model, out = sys.argv[1:]
rows = pd.read_csv(names, dtype=str)[["image"]]
network = keras.models.load_model(f"{model}/model.keras", compile=False)
size = network.input.shape[1:3]


def read(path: tf.Tensor) -> tf.Tensor:
    return tf.image.resize(tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False), size)


paths = tf.data.Dataset.from_tensor_slices([f"{images}/{name}" for name in rows["image"]])
data = paths.map(read, tf.data.AUTOTUNE).batch(32).prefetch(tf.data.AUTOTUNE)
rows["probability"] = network.predict(data, verbose=0)[:, 0]
rows.to_csv(out, index=False)
print(json.dumps({"n": len(rows)}))
