"""Batches as a `tf.data.Dataset`, which Keras reads, without a wait at the end of `fit`."""

from collections.abc import Iterator
from typing import Any, Protocol

import tensorflow as tf

from facegender.runtime.prefetch import prefetch
from facegender.training.batches import Batch


class BatchSequence(Protocol):
    """Batches by number; up to `workers` threads may request them at the same time."""

    workers: int

    def __len__(self) -> int: ...

    def __getitem__(self, batch: int) -> Batch: ...


def as_dataset(batches: BatchSequence) -> Any:
    """Make a `tf.data.Dataset` of one pass over the batches, in order; threads prepare the next ones.

    tf.data's autotuning is off. A dataset that ends waits for its tuner, which sleeps 10 ms, 20, 40 and so on, so that
    every `fit` and `evaluate` lasted until the next of 0.6, 1.3, 2.6, 5.1, 10.2 and 20.5 s. `keras.utils.PyDataset`
    always creates a dataset with autotuning.
    """
    first = batches[0]  # gives the shapes and dtypes of all, and is not read again
    spec = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in first)

    def generate() -> Iterator[Batch]:
        yield first
        yield from prefetch(batches.__getitem__, range(1, len(batches)), batches.workers, ahead=4 * batches.workers)

    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_generator(generate, output_signature=spec)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(batches))).with_options(options)
