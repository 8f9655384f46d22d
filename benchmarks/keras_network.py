"""The network of the plain Keras scripts, and its training with early stopping."""

import json
import sys
from typing import Any

import keras

from benchmarks.child import seconds_since_start


def build_network(weights: str, size: int) -> keras.Model:
    """Build MobileNetV2 with its last 30 layers trainable, GAP, dropout 0.5, sigmoid; compile it with Adam 1e-4."""
    source = None if weights == "none" else weights
    base = keras.applications.MobileNetV2(input_shape=(size, size, 3), include_top=False, weights=source)
    for layer in base.layers[:-30]:
        layer.trainable = False
    pooled = keras.layers.GlobalAveragePooling2D()(base.output)
    model = keras.Model(base.input, keras.layers.Dense(1, "sigmoid")(keras.layers.Dropout(0.5)(pooled)))
    model.compile(keras.optimizers.Adam(1e-4), "binary_crossentropy", metrics=["accuracy"])
    return model


class EpochTimes(keras.callbacks.Callback):
    """Seconds since the script's start and validation accuracy, at the end of every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, float]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note the time; Keras calls this."""
        row = {"seconds": round(seconds_since_start(), 2), "val_accuracy": float((logs or {})["val_accuracy"])}
        self.rows.append(row)
        print(f"epoch {epoch + 1}: val_accuracy {row['val_accuracy']:.3f}", file=sys.stderr, flush=True)


def fit_and_print(network: keras.Model, train: Any, validation: Any, epochs: int, counts: dict[str, int]) -> None:
    """Train with early stopping, and print the epochs and the numbers of rows as JSON."""
    times = EpochTimes()
    stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    network.fit(train, validation_data=validation, epochs=epochs, verbose=0, callbacks=[stop, times])
    print(json.dumps({"epochs": times.rows, **counts}))
