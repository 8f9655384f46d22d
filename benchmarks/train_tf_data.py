"""Peer: the same Keras script with tf.data instead of ImageDataGenerator."""

import json
import sys

import keras
import pandas as pd
import tensorflow as tf

from benchmarks.keras_network import EpochTimes, network

images, rows, weights, size, epochs = sys.argv[1], pd.read_csv(sys.argv[2], dtype=str), *sys.argv[3:]
positive = max(rows["class"])


def read(path: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    picture = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
    return tf.image.resize(picture, (int(size), int(size))) / 255, label


def data(part: str, shuffle: bool) -> tf.data.Dataset:
    chosen = rows[rows["part"] == part]
    paths = [f"{images}/{name}" for name in chosen["image"]]
    pairs = tf.data.Dataset.from_tensor_slices((paths, (chosen["class"] == positive).astype("float32")))
    pairs = pairs.shuffle(len(paths), seed=1) if shuffle else pairs
    return pairs.map(read, tf.data.AUTOTUNE).batch(32).prefetch(tf.data.AUTOTUNE)


times = EpochTimes()
stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
network(weights, int(size)).fit(
    data("train", True), validation_data=data("validation", False), epochs=int(epochs), verbose=0,
    callbacks=[stop, times],
)  # fmt: skip
counts = rows["part"].value_counts()
print(json.dumps({"epochs": times.rows, "trained": int(counts["train"]), "validated": int(counts["validation"])}))
