"""What a training step of the tuned part spends its time on, beside what its arithmetic alone would take.

python -m benchmarks.step, where a run has left artifacts/features and artifacts/splits.parquet

The limit is the step's multiplications and additions at the rate of one large matrix product, measured in the same
process. All works take turns and medians count; processor time tells more than wall time where other programs run.
Writes benchmarks/results/step.json, which `python -m benchmarks write` puts into docs/benchmarks.md.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from benchmarks.machine import machine
from benchmarks.step_table import table
from facegender.features.store import FeatureStore, join_splits
from facegender.files.layout import Layout
from facegender.params.sections import TrainParams
from facegender.runtime.tensorflow_import import import_tensorflow

import_tensorflow()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from facegender.network.device import prepare  # noqa: E402
from facegender.training.loop import compile_model, make_optimizer  # noqa: E402
from facegender.training.source import Source, TrainingData, make_features_source  # noqa: E402
from facegender.training.tf_dataset import as_dataset  # noqa: E402
from facegender.training.train import build_from_manifest, plan_phases  # noqa: E402

RESULTS = Path(__file__).parent / "results"
SIDE = 1536  # of the large product: larger ones are no faster
PRODUCTS = 5  # in a row, for the first finds the caches full of the work before
FIT_STEPS = 30  # fewer would make much of what every `fit` does once

Work = Callable[[], Any]


def works(layout: Layout, params: TrainParams) -> tuple[dict[str, Work], dict[str, float]]:
    """What is measured, by name, each ready to be called; and the operations (2 a product and sum) of some of it."""
    prepare(params.seed, "off")
    with FeatureStore(layout.features) as store:
        table = join_splits(store, layout.features, pd.read_parquet(layout.splits))
        classifier = build_from_manifest(store.manifest, params, cached=True)
        positive = max(table["label"].dropna())
        source = make_features_source(TrainingData(store, table, positive, layout.images), params, classifier)
        pipeline = source.pipeline
        batches = pipeline.train(source.train.shuffle(params.seed, 0, pipeline.views), params.batch_size)
        ready = [batches[number] for number in range(FIT_STEPS)]
    products, depthwise, operations = shapes(classifier.to_pool, params.batch_size)
    square = tf.random.normal((SIDE, SIDE), seed=1)
    multiply = tf.function(lambda: tf.matmul(square, square)[0, 0])

    def limit() -> None:
        for _ in range(PRODUCTS):
            multiply().numpy()

    found: dict[str, Work] = {
        "limit": limit,
        "products": isolated([product(*shape) for shape in products]),
        "depthwise": isolated([convolution(*shape) for shape in depthwise]),
        **steps(source, params, ready),
    }
    return found, {"limit": PRODUCTS * 2.0 * SIDE**3, "step": operations}


def steps(source: Source, params: TrainParams, ready: Sequence[Any]) -> dict[str, Work]:
    """The step itself, on a ready batch; its parts; and `fit` over some ready batches, which adds Keras's loop."""
    model = source.fused
    optimizer = make_optimizer(plan_phases(params)[-1], len(ready), params.weight_decay)
    compile_model(model, optimizer, params.label_smoothing)
    images, labels, weights = (tf.constant(array) for array in ready[0])
    variables = list(model.trainable_variables)
    model.make_train_function()

    def endless() -> Any:
        while True:
            yield images, labels, weights

    def derive() -> Any:
        with tf.GradientTape() as tape:
            loss = model.loss(labels, model(images, training=True))
        return tape.gradient(loss, [variable.value for variable in variables])

    forward = tf.function(lambda: tf.reduce_sum(model(images, training=True)))
    gradients = tf.function(derive)
    held = [tf.identity(gradient) for gradient in gradients()]
    update = tf.function(lambda: optimizer.apply(held, variables))
    batch = endless()

    class Ready:
        workers = 1

        def __len__(self) -> int:
            return len(ready)

        def __getitem__(self, number: int) -> Any:
            return ready[number]

    return {
        "forward": lambda: forward().numpy(),
        "forward and gradients": lambda: gradients()[-1].numpy(),
        "update": update,
        "step": lambda: float(model.train_function(batch)["loss"]),
        "fit": lambda: model.fit(as_dataset(Ready()), shuffle=False, verbose=0),
    }


def shapes(part: keras.Model, batch_size: int) -> tuple[list[Any], list[Any], float]:
    """Shapes of the convolutions, and the operations of all of them with their gradients.

    Of 1x1 ones: rows, inputs, outputs, and whether the input's gradient is wanted. Of depthwise ones: the input's
    shape, the kernel's size and the strides.
    """
    products: list[Any] = []
    depthwise: list[Any] = []
    operations = 0.0
    for layer in part.layers:
        if not isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            continue
        _, height, width, channels = layer.output.shape
        rows, (tall, wide) = batch_size * height * width, layer.kernel_size
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            depthwise.append(((batch_size, *layer.input.shape[1:]), (tall, wide), layer.strides))
            operations += 3 * 2 * rows * channels * tall * wide
        else:
            inner = bool(products or depthwise)  # nothing asks for the gradient of the cached features
            inputs = tall * wide * layer.input.shape[-1]
            products.append((rows, inputs, channels, inner))
            operations += (3 if inner else 2) * 2 * rows * inputs * channels
    return products, depthwise, operations


def product(rows: int, inputs: int, outputs: int, inner: bool) -> Work:
    """A 1x1 convolution's products: forward, by the kernel, and by the input where it is wanted."""
    values, kernel = tf.random.normal((rows, inputs), seed=1), tf.random.normal((inputs, outputs), seed=2)
    above = tf.random.normal((rows, outputs), seed=3)

    def go() -> list[Any]:
        by_input = [tf.matmul(above, kernel, transpose_b=True)] if inner else []
        return [tf.matmul(values, kernel), tf.matmul(values, above, transpose_a=True), *by_input]

    return go


def convolution(shape: tuple[int, ...], size: tuple[int, int], strides: tuple[int, int]) -> Work:
    """A depthwise convolution and its gradients, as the fused tuned part has them."""
    from facegender.network.fused_batch_norm import convolve_depthwise

    values = tf.random.normal(shape, seed=1)
    kernel = tf.random.normal((*size, shape[-1], 1), seed=2)

    def go() -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch((values, kernel))
            result = convolve_depthwise(values, kernel, (1, *strides, 1), "SAME")
        return [result, *tape.gradient(result, (values, kernel))]

    return go


def isolated(all_of: Sequence[Work]) -> Work:
    """Several works as one compiled function, each result waited for."""

    def go() -> Any:
        return tf.add_n([tf.reshape(result, (-1,))[0] for work in all_of for result in work()])

    compiled = tf.function(go)
    return lambda: compiled().numpy()


def measure(found: dict[str, Work], operations: dict[str, float], rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds, wall and processor, by name; `limit` is that of the step's operations."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in found}
    for turn in range(rounds + 2):  # the first two trace and warm up
        for name, work in found.items():
            wall, processor = time.perf_counter(), time.process_time()
            work()
            if turn > 1:
                taken[name].append((time.perf_counter() - wall, time.process_time() - processor))
    scales = dict.fromkeys(found, 1e3) | {
        "limit": 1e3 * operations["step"] / operations["limit"],
        "fit": 1e3 / FIT_STEPS,
    }
    return {
        name: {
            kind: round(scales[name] * median(times[place] for times in runs), 2)
            for place, kind in enumerate(("wall", "processor"))
        }
        for name, runs in taken.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and keep the raw numbers."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.step", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    where, params = machine("tensorflow", "keras"), TrainParams()
    found, operations = works(Layout(Path("data"), asked.artifacts), params)
    content = {
        "machine": where,
        "batch_size": params.batch_size,
        "operations": operations["step"],
        "milliseconds": measure(found, operations, asked.rounds),
    }
    print("\n".join(table(content)), file=sys.stdout)
    asked.results.mkdir(parents=True, exist_ok=True)
    (asked.results / "step.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
