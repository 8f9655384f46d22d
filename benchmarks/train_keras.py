"""Peer: the plain Keras script. ImageDataGenerator, last 30 layers trainable, Keras's usual BatchNorm."""

import sys
from typing import Any

import pandas as pd
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from benchmarks.keras_network import build_network, fit_and_print

images, rows, weights, size, epochs = sys.argv[1], pd.read_csv(sys.argv[2], dtype=str), *sys.argv[3:]
generator = ImageDataGenerator(rescale=1 / 255)


def read(split: str, shuffle: bool) -> Any:
    return generator.flow_from_dataframe(
        rows[rows["split"] == split], images, "image", "class", target_size=(int(size), int(size)),
        class_mode="binary", batch_size=32, shuffle=shuffle, seed=1,
    )  # fmt: skip


train, validation = read("train", True), read("validation", False)
counts = {"trained": train.n, "validated": validation.n}
fit_and_print(build_network(weights, int(size)), train, validation, int(epochs), counts)
