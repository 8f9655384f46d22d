"""Peer: the plain Keras script. ImageDataGenerator, last 30 layers trainable, BatchNorm as Keras does it."""

import json
import sys

import keras
import pandas as pd
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from benchmarks.keras_network import EpochTimes, network

images, rows, weights, size, epochs = sys.argv[1], pd.read_csv(sys.argv[2], dtype=str), *sys.argv[3:]
generator = ImageDataGenerator(rescale=1 / 255)


def flow(part: str, shuffle: bool):
    return generator.flow_from_dataframe(
        rows[rows["part"] == part], images, "image", "class", target_size=(int(size), int(size)), class_mode="binary",
        batch_size=32, shuffle=shuffle, seed=1,
    )  # fmt: skip


train, validation, times = flow("train", True), flow("validation", False), EpochTimes()
stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
network(weights, int(size)).fit(
    train, validation_data=validation, epochs=int(epochs), verbose=0, callbacks=[stop, times]
)
print(json.dumps({"epochs": times.rows, "trained": train.n, "validated": validation.n}))
