"""The network of the plain Keras scripts, and a callback that notes when each epoch ends."""

import sys

import keras

from benchmarks.child import since_start


def network(weights: str, size: int) -> keras.Model:
    """MobileNetV2 with its last 30 layers trainable, GAP, dropout 0.5, sigmoid; Adam 1e-4."""
    source = None if weights == "none" else weights
    base = keras.applications.MobileNetV2(input_shape=(size, size, 3), include_top=False, weights=source)
    for layer in base.layers[:-30]:
        layer.trainable = False
    pooled = keras.layers.GlobalAveragePooling2D()(base.output)
    model = keras.Model(base.input, keras.layers.Dense(1, "sigmoid")(keras.layers.Dropout(0.5)(pooled)))
    model.compile(keras.optimizers.Adam(1e-4), "binary_crossentropy", metrics=["accuracy"])
    return model


class EpochTimes(keras.callbacks.Callback):
    """Seconds since the script's start and the validation accuracy, at the end of every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, float]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called by Keras."""
        row = {"seconds": round(since_start(), 2), "val_accuracy": float((logs or {})["val_accuracy"])}
        self.rows.append(row)
        print(f"epoch {epoch + 1}: val_accuracy {row['val_accuracy']:.3f}", file=sys.stderr, flush=True)
