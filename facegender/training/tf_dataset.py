"""Batches as what Keras reads: a `tf.data.Dataset` that does not keep `fit` waiting at its end."""

from collections.abc import Iterator
from typing import Any, Protocol

import tensorflow as tf

from facegender.runtime.prefetch import prefetch
from facegender.training.batches import Batch


class BatchSequence(Protocol):
    """Batches by their number, which `workers` threads may ask for at a time."""

    workers: int

    def __len__(self) -> int: ...

    def __getitem__(self, batch: int) -> Batch: ...


def as_dataset(batches: BatchSequence) -> Any:
    """One pass over the batches, in order, those to come prepared in threads: a `tf.data.Dataset`.

    Without tuning by tf.data: a dataset that ends waits for its tuner, which sleeps 10 ms, 20, 40 and so on, so that
    every `fit` and `evaluate` lasted until the next of 0.6, 1.3, 2.6, 5.1, 10.2 and 20.5 s. `keras.utils.PyDataset`
    brings such a dataset along and cannot be told otherwise.
    """
    first = batches[0]  # tells what all look like, and is not read again
    spec = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in first)

    def generate() -> Iterator[Batch]:
        yield first
        yield from prefetch(batches.__getitem__, range(1, len(batches)), batches.workers, ahead=4 * batches.workers)

    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_generator(generate, output_signature=spec)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(batches))).with_options(options)
