"""Peer: the plain Keras script with tf.data instead of ImageDataGenerator."""

import sys

import pandas as pd
import tensorflow as tf

from benchmarks.keras_network import build_network, fit_and_print

images, rows, weights, size, epochs = sys.argv[1], pd.read_csv(sys.argv[2], dtype=str), *sys.argv[3:]
positive = max(rows["class"])


def read(path: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    picture = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
    return tf.image.resize(picture, (int(size), int(size))) / 255, label


def make_dataset(split: str, shuffle: bool) -> tf.data.Dataset:
    chosen = rows[rows["split"] == split]
    paths = [f"{images}/{name}" for name in chosen["image"]]
    pairs = tf.data.Dataset.from_tensor_slices((paths, (chosen["class"] == positive).astype("float32")))
    pairs = pairs.shuffle(len(paths), seed=1) if shuffle else pairs
    return pairs.map(read, tf.data.AUTOTUNE).batch(32).prefetch(tf.data.AUTOTUNE)


sizes = rows["split"].value_counts()
counts = {"trained": int(sizes["train"]), "validated": int(sizes["validation"])}
train, validation = make_dataset("train", True), make_dataset("validation", False)
fit_and_print(build_network(weights, int(size)), train, validation, int(epochs), counts)
