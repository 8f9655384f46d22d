"""What a training reads, in features mode and in online mode: the network that trains, its rows and its batches."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from facegender.features.store import Manifest, Store
from facegender.files.atomic import atomic_file
from facegender.files.float16_rows import Float16Rows
from facegender.files.splits import trains, validates
from facegender.network.classifier import Classifier
from facegender.network.fused_batch_norm import fuse_tuned_part
from facegender.params.augment import params_for_ranges
from facegender.params.sections import TrainParams
from facegender.runtime.progress import track
from facegender.training.batches import Batches, FeatureBatches, ImageBatches, PictureSource, Rows

VALIDATION_BATCH = 128  # without gradients, a larger batch takes little memory

BatchReader = Callable[[Rows, int], Batches]  # rows and a batch size -> one pass over the rows


@dataclass(frozen=True)
class TrainingData:
    """What a training reads.

    Attributes
    ----------
    store
        Features at the cut; in online mode only rows and manifest.
    table
        The store's rows, in its order, with label and fold: 0 validates, -2 takes no part, all others train.
    positive
        The label of the positive class.
    images
        The folder of pictures, which online mode reads.
    """

    store: Store
    table: pd.DataFrame
    positive: str
    images: Path


@dataclass(frozen=True)
class InputPipeline:
    """How a model gets its batches.

    Attributes
    ----------
    train, validation
        Read batches for training and for validation.
    views
        Number of views of a row, mirrored ones included; online mode has a new one in every epoch.
    """

    train: BatchReader
    validation: BatchReader
    views: int


@dataclass(frozen=True)
class Source:
    """One training's network, rows and batches.

    Attributes
    ----------
    model
        Input at the cut (features mode) or image (online mode) -> logit.
    fused
        The same function of the same variables; `fit` is called on it.
    head
        Pooled vector -> logit; shares its layers with `model`.
    train, validation
        The rows that train, and the rows that validate.
    pipeline
        The batches of `model`.
    write_pooled
        Writes the pooled vectors of all rows in view 0 to a path; the head's own phase trains on them.
    """

    model: keras.Model
    fused: keras.Model
    head: keras.Model
    train: Rows
    validation: Rows
    pipeline: InputPipeline
    write_pooled: Callable[[Path], None]


def make_features_source(data: TrainingData, params: TrainParams, classifier: Classifier) -> Source:
    """Make a source of cached features, on which the tuned part trains."""
    store = data.store
    views = count_views(store.manifest, params)
    validation = partial(FeatureBatches, [store.validation_view])
    pipeline = InputPipeline(partial(FeatureBatches, store.views), validation, views)
    return _make_source(data, params, classifier, fuse_tuned_part(classifier), pipeline)


def count_views(manifest: Manifest, params: TrainParams) -> int:
    """Count a row's views in features mode: the cached ones and, if augmentation flips pictures, each mirrored."""
    mirrors = params.mirror and bool(manifest.augment.get("flip")) and len(manifest.shape) == 3
    return 2 * manifest.views if mirrors else manifest.views


def make_online_source(data: TrainingData, params: TrainParams, classifier: Classifier) -> Source:
    """Make a source of image files, with a new view of every picture in every epoch."""
    table, manifest = data.table, data.store.manifest
    pictures = PictureSource(
        data.images,
        table["image"].tolist(),
        table["sha256"].tolist(),
        manifest.backbone["image_size"],
        params_for_ranges(manifest.augment),
        manifest.seed,
    )
    read = partial(ImageBatches, pictures, workers=os.cpu_count() or 1)
    views = max(1, params.epochs)
    if params.sampling == "balanced":
        views = max(1, select_rows(table, data.positive, params)[0].count_rounds(params.epochs))
    return _make_source(data, params, classifier, classifier.tuned, InputPipeline(read, read, views))


def _make_source(
    data: TrainingData, params: TrainParams, classifier: Classifier, fused: keras.Model, pipeline: InputPipeline
) -> Source:
    train, validation = select_rows(data.table, data.positive, params)
    every = _list_all_rows(data.table)

    def pool(path: Path) -> None:
        write_pooled(classifier.to_pool, pipeline.train(every, VALIDATION_BATCH), path)

    return Source(classifier.tuned, fused, classifier.head, train, validation, pipeline, pool)


def select_rows(table: pd.DataFrame, positive: str, params: TrainParams) -> tuple[Rows, Rows]:
    """Select the training rows (fold -1 or above 0) and the validation rows (fold 0)."""
    labels = np.asarray(table["label"] == positive, np.float32)
    weights = np.ones(len(table), np.float32)
    trained = np.flatnonzero(trains(table["fold"]))
    if params.class_weights:
        share = labels[trained].mean()
        weights = np.where(labels == 1.0, 0.5 / share, 0.5 / (1.0 - share)).astype(np.float32)

    def rows(places: npt.NDArray[np.int64]) -> Rows:
        return Rows(places, labels[places], weights[places], np.zeros_like(places))

    return rows(trained), rows(np.flatnonzero(validates(table["fold"])))


def _list_all_rows(table: pd.DataFrame) -> Rows:
    places = np.arange(len(table))
    zeros = np.zeros(len(table), np.float32)
    return Rows(places, zeros, zeros, np.zeros_like(places))


def write_pooled(to_pool: keras.Model, batches: Batches, path: Path) -> None:
    """Write the pooled vectors of every row, float16 (n, channels), as a .npy file."""
    # as a graph: called eagerly, a model keeps every layer's output to the end, gigabytes after an early cut
    run = tf.function(lambda inputs: to_pool(inputs, training=False), reduce_retracing=True)
    count = len(batches.rows.rows)
    with atomic_file(path) as temporary, track("train, pooling", count, "images") as advance:
        out = Float16Rows.create(temporary, count, to_pool.output.shape[1:])
        row = 0
        for batch in range(len(batches)):
            for values in np.asarray(run(tf.constant(batches[batch][0]))):
                out.write(row, values)
                row += 1
            advance(min(batches.batch_size, count - batch * batches.batch_size))
        out.close()
