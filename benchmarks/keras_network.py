"""The network of the plain Keras scripts, and a callback that notes when each epoch ends."""

import time

import keras


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
    """Seconds since `began` and the validation accuracy, at the end of every epoch."""

    def __init__(self, began: float) -> None:
        super().__init__()
        self.began = began
        self.rows: list[dict[str, float]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called by Keras."""
        seconds = time.perf_counter() - self.began
        self.rows.append({"seconds": round(seconds, 2), "val_accuracy": float((logs or {})["val_accuracy"])})
