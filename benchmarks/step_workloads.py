"""The workloads of `benchmarks.step`: the training step, its parts, and its arithmetic alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmarks.timing import Workload
from facegender.features.store import FeatureStore, join_splits
from facegender.files.json_files import read_json
from facegender.files.layout import Layout
from facegender.params.sections import TrainParams
from facegender.runtime.tensorflow_import import import_tensorflow

import_tensorflow()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from facegender.network.device import prepare  # noqa: E402
from facegender.network.fused_batch_norm import convolve_depthwise  # noqa: E402
from facegender.training.loop import compile_model, make_optimizer  # noqa: E402
from facegender.training.source import Source, TrainingData, make_features_source  # noqa: E402
from facegender.training.tf_dataset import as_dataset  # noqa: E402
from facegender.training.train import build_from_manifest, plan_phases  # noqa: E402

SIDE = 1536  # of the matrices of the large product; larger ones are no faster
PRODUCTS = 5  # large products in a row, because the first finds the caches filled by the workload before
FIT_STEPS = 30  # with fewer, what every `fit` does once would weigh too much


@dataclass(frozen=True)
class Convolutions:
    """The shapes of a network's convolutions.

    Attributes
    ----------
    products
        Of each 1x1 convolution: rows, inputs, outputs, and whether the gradient of its input is needed.
    depthwise
        Of each depthwise convolution: the shape of its input, the size of its kernel, its strides.
    operations
        Multiplications and additions of all of them with their gradients.
    """

    products: list[tuple[int, int, int, bool]]
    depthwise: list[tuple[tuple[int, ...], tuple[int, int], tuple[int, int]]]
    operations: float


def build_workloads(layout: Layout, params: TrainParams) -> tuple[dict[str, Workload], dict[str, float]]:
    """Return the workloads by name, ready to be called, and the operations of the limit and of the step.

    An operation is a multiplication or an addition.
    """
    prepare(params.seed, "off")
    with FeatureStore(layout.features) as store:
        table = join_splits(store, layout.features, pd.read_parquet(layout.splits))
        classifier = build_from_manifest(store.manifest, params, cached=True)
        positive = read_json(layout.validation)["classes"][1]
        source = make_features_source(TrainingData(store, table, positive, layout.images), params, classifier)
        pipeline = source.pipeline
        batches = pipeline.train(source.train.shuffle(params.seed, 0, pipeline.views), params.batch_size)
        ready = [batches[number] for number in range(FIT_STEPS)]
    convolutions = list_convolutions(classifier.to_pool, params.batch_size)
    workloads: dict[str, Workload] = {
        "limit": build_limit(),
        "products": combine([build_product(*shape) for shape in convolutions.products]),
        "depthwise": combine([build_depthwise(*shape) for shape in convolutions.depthwise]),
        **build_step_parts(source, params, ready),
    }
    return workloads, {"limit": PRODUCTS * 2.0 * SIDE**3, "step": convolutions.operations}


def list_convolutions(part: keras.Model, batch_size: int) -> Convolutions:
    """Return the shapes of a network's convolutions, in a step of `batch_size` images."""
    found = Convolutions([], [], 0.0)
    operations = 0.0
    for layer in part.layers:
        if not isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            continue
        _, height, width, channels = layer.output.shape
        rows, (tall, wide) = batch_size * height * width, layer.kernel_size
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            found.depthwise.append(((batch_size, *layer.input.shape[1:]), (tall, wide), layer.strides))
            operations += 3 * 2 * rows * channels * tall * wide
        else:
            inner = bool(found.products or found.depthwise)  # nothing needs the gradient of the cached features
            inputs = tall * wide * layer.input.shape[-1]
            found.products.append((rows, inputs, channels, inner))
            operations += (3 if inner else 2) * 2 * rows * inputs * channels
    return Convolutions(found.products, found.depthwise, operations)


def build_step_parts(source: Source, params: TrainParams, ready: Sequence[Any]) -> dict[str, Workload]:
    """Return the parts of the step, the step on a ready batch, and `fit` on ready batches, which adds Keras's loop."""
    model = source.fused
    optimizer = make_optimizer(plan_phases(params)[-1], len(ready), params.weight_decay)
    compile_model(model, optimizer, params.label_smoothing)
    images, labels, weights = (tf.constant(array) for array in ready[0])
    variables = list(model.trainable_variables)
    model.make_train_function()

    def repeat_batch() -> Iterator[Any]:
        while True:
            yield images, labels, weights

    def derive() -> Any:
        with tf.GradientTape() as tape:
            loss = model.loss(labels, model(images, training=True))
        return tape.gradient(loss, [variable.value for variable in variables])

    run_forward = tf.function(lambda: tf.reduce_sum(model(images, training=True)))
    run_gradients = tf.function(derive)
    gradients = [tf.identity(gradient) for gradient in run_gradients()]
    update = tf.function(lambda: optimizer.apply(gradients, variables))
    batches = repeat_batch()
    return {
        "forward": lambda: run_forward().numpy(),
        "forward and gradients": lambda: run_gradients()[-1].numpy(),
        "update": update,
        "step": lambda: float(model.train_function(batches)["loss"]),
        "fit": lambda: model.fit(as_dataset(ReadyBatches(ready)), shuffle=False, verbose=0),
    }


class ReadyBatches:
    """Batches in memory, with the interface of the stage `train`."""

    workers = 1

    def __init__(self, batches: Sequence[Any]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Any:
        return self.batches[number]


def build_limit() -> Workload:
    """Return the workload that measures the rate of one large matrix product."""
    square = tf.random.normal((SIDE, SIDE), seed=1)
    multiply = tf.function(lambda: tf.matmul(square, square)[0, 0])

    def run() -> None:
        for _ in range(PRODUCTS):
            multiply().numpy()

    return run


def build_product(rows: int, inputs: int, outputs: int, inner: bool) -> Callable[[], list[Any]]:
    """Return a function that computes a 1x1 convolution, the gradient of its kernel and, if `inner`, of its input."""
    values, kernel = tf.random.normal((rows, inputs), seed=1), tf.random.normal((inputs, outputs), seed=2)
    above = tf.random.normal((rows, outputs), seed=3)

    def run() -> list[Any]:
        by_input = [tf.matmul(above, kernel, transpose_b=True)] if inner else []
        return [tf.matmul(values, kernel), tf.matmul(values, above, transpose_a=True), *by_input]

    return run


def build_depthwise(shape: tuple[int, ...], size: tuple[int, int], strides: tuple[int, int]) -> Callable[[], list[Any]]:
    """Return a function that computes a depthwise convolution and its gradients, as the trained network does."""
    values = tf.random.normal(shape, seed=1)
    kernel = tf.random.normal((*size, shape[-1], 1), seed=2)

    def run() -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch((values, kernel))
            result = convolve_depthwise(values, kernel, (1, *strides, 1), "SAME")
        return [result, *tape.gradient(result, (values, kernel))]

    return run


def combine(computations: Sequence[Callable[[], list[Any]]]) -> Workload:
    """Return several computations as one compiled workload, which waits for every result."""

    def run() -> Any:
        return tf.add_n([tf.reshape(result, (-1,))[0] for compute in computations for result in compute()])

    compiled = tf.function(run)
    return lambda: compiled().numpy()
