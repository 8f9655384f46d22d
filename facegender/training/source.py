"""What a training reads, in either mode: which network trains, on which rows, through which batches."""

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
from facegender.files.float16_rows import RowFile
from facegender.network.classifier import Classifier
from facegender.network.fused_batch_norm import fuse_tuned_part
from facegender.params.sections import Params, TrainParams, ranges_in_force
from facegender.runtime.progress import track
from facegender.training.batches import Batches, FeatureBatches, ImageBatches, Pictures, Rows

VALIDATION_BATCH = 128  # no gradients are kept, so larger batches cost no memory worth naming


@dataclass(frozen=True)
class Source:
    """One training's network, rows and batches.

    Attributes
    ----------
    model
        Input at the cut (features mode) or image (online mode) -> logit.
    fitted
        Does the same with the same variables; what `fit` is called on.
    head
        The pooled vector -> logit; shares its layers with `model`.
    views
        How many views a row has, mirrored ones counted; online mode has a fresh one at every epoch.
    batches, judged
        Rows and a batch size -> one pass for `model`, to train and to validate.
    pooled
        Writes the pooled vectors of all rows in view 0, which the head alone trains on, to a path.
    """

    model: keras.Model
    fitted: keras.Model
    head: keras.Model
    train: Rows
    validation: Rows
    views: int
    batches: Callable[[Rows, int], Batches]
    judged: Callable[[Rows, int], Batches]
    pooled: Callable[[Path], None]


def features_source(
    store: Store,
    table: pd.DataFrame,
    positive: str,
    params: TrainParams,
    classifier: Classifier,
) -> Source:
    """Train the tuned part on cached features."""
    model, fits = classifier.trains, fuse_tuned_part(classifier)
    read, judge = partial(FeatureBatches, store.views), partial(FeatureBatches, [store.judged])
    return _source(model, fits, classifier, table, positive, params, count_views(store.manifest, params), read, judge)


def count_views(manifest: Manifest, params: TrainParams) -> int:
    """Views of a row in features mode: the cached ones and, where augmentation mirrors pictures, each mirrored."""
    mirrors = params.mirror and bool(manifest.augment.get("flip")) and len(manifest.shape) == 3
    return 2 * manifest.views if mirrors else manifest.views


def online_source(
    images: Path, table: pd.DataFrame, positive: str, params: Params, manifest: Manifest, classifier: Classifier
) -> Source:
    """Train from the image files, with a fresh view of every picture at every epoch."""
    pictures = Pictures(
        images,
        table["image"].tolist(),
        table["sha256"].tolist(),
        manifest.backbone["image_size"],
        ranges_in_force(manifest.augment),
        manifest.seed,
    )

    read = partial(ImageBatches, pictures, workers=os.cpu_count() or 1)
    model, views = classifier.trains, max(1, params.train.epochs)
    if params.train.sampling == "balanced":
        views = max(1, _rows(table, positive, params.train)[0].rounds(params.train.epochs))
    return _source(model, model, classifier, table, positive, params.train, views, read, read)


def _source(
    model: keras.Model,
    fits: keras.Model,
    classifier: Classifier,
    table: pd.DataFrame,
    positive: str,
    params: TrainParams,
    views: int,
    batches: Callable[[Rows, int], Batches],
    judged: Callable[[Rows, int], Batches],
) -> Source:
    train, validation = _rows(table, positive, params)
    every = _every_row(table)

    def pooled(path: Path) -> None:
        write_pooled(classifier.to_pool, batches(every, VALIDATION_BATCH), path)

    return Source(model, fits, classifier.head, train, validation, views, batches, judged, pooled)


def _rows(table: pd.DataFrame, positive: str, params: TrainParams) -> tuple[Rows, Rows]:
    """Training rows (fold -1 or over 0) and validation rows (fold 0)."""
    labels = np.asarray(table["label"] == positive, np.float32)
    weights = np.ones(len(table), np.float32)
    fold = table["fold"].to_numpy()
    trains = np.flatnonzero((fold != 0) & (fold != -2))
    if params.class_weights:
        share = labels[trains].mean()
        weights = np.where(labels == 1.0, 0.5 / share, 0.5 / (1.0 - share)).astype(np.float32)

    def rows(places: npt.NDArray[np.int64]) -> Rows:
        return Rows(places, labels[places], weights[places], np.zeros_like(places))

    return rows(trains), rows(np.flatnonzero(fold == 0))


def _every_row(table: pd.DataFrame) -> Rows:
    places = np.arange(len(table))
    nothing = np.zeros(len(table), np.float32)
    return Rows(places, nothing, nothing, np.zeros_like(places))


def write_pooled(to_pool: keras.Model, batches: Batches, path: Path) -> None:
    """Pooled vectors of every row, float16 (n, channels), as a .npy file."""
    # as a graph: called eagerly, a model keeps every layer's output until the last, gigabytes behind an early cut
    run = tf.function(lambda inputs: to_pool(inputs, training=False), reduce_retracing=True)
    count = len(batches.rows.rows)
    with atomic_file(path) as temporary, track("train, pooling", count, "images") as advance:
        out = RowFile.create(temporary, count, to_pool.output.shape[1:])
        row = 0
        for batch in range(len(batches)):
            for values in np.asarray(run(tf.constant(batches[batch][0]))):
                out.write(row, values)
                row += 1
            advance(min(batches.batch_size, count - batch * batches.batch_size))
        out.close()
