"""Stage `train`: train the last layers and the head, or first the head alone; resume after a kill; write the model.

Rows with fold 0 validate: they choose the epoch and stop the training. All others train.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegender.errors import UserError
from facegender.features.store import FeatureStore, Manifest, join_splits
from facegender.files.json_files import read_json
from facegender.files.layout import Layout
from facegender.files.parquet import read
from facegender.network.backbone import Cut, fingerprint, load_backbone
from facegender.network.classifier import Classifier, build_classifier
from facegender.network.device import choose_strategy, prepare
from facegender.params.sections import BackboneParams, TrainParams
from facegender.params.stage_params import TrainStageParams
from facegender.runtime.memory import retain_freed
from facegender.training.checkpoint import Checkpoints
from facegender.training.loop import OnEpoch, Phase, Trainer
from facegender.training.model_folder import TrainedModel, describe_classes, sample_pictures, write_model
from facegender.training.provenance import build_provenance, list_dependencies
from facegender.training.source import Source, TrainingData, make_features_source, make_online_source

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FittedClassifier:
    """A finished training: the classifier with its best weights, what it read, and one row of history per epoch."""

    classifier: Classifier
    source: Source
    history: list[dict[str, Any]]


def train(layout: Layout, params: TrainStageParams) -> None:
    """Train on artifacts/features (or, in online mode, on the images); write model/ and dvclive/.

    Raises
    ------
    UserError
        The features do not fit the parameters, the splits or the weights.
    """
    validation = read_json(layout.validation)
    with FeatureStore(layout.features) as store:
        manifest = store.manifest
        table = join_splits(store, layout.features, read(layout.splits, ["image", "label", "group", "fold"]))
        checkpoints = Checkpoints(layout.resume / "train", list_dependencies(params.train, manifest, table))
        if manifest.views:
            table = table.drop(columns="sha256")  # only new views depend on it; 70 bytes per row
        data = TrainingData(store, table, validation["classes"][1], layout.images)
        fitted = fit(data, params.train, checkpoints, layout.live)
        size = manifest.backbone["image_size"]
        validation_images = table["image"].iloc[fitted.source.validation.rows]
        share = float(np.mean(fitted.source.train.labels, dtype=np.float64))
        trained, total = count_parameters(fitted.classifier)
        model = TrainedModel(
            network=fitted.classifier.whole,
            history=pd.DataFrame(fitted.history),
            classes=describe_classes(validation, size, share),
            provenance=build_provenance(manifest, params.train, trained, total, validation["demo"]),
            sample=sample_pictures(layout.images, validation_images, size),
        )
        write_model(layout.model, model, params.scoring)
    checkpoints.remove()


def fit(
    data: TrainingData,
    params: TrainParams,
    checkpoints: Checkpoints,
    live: Path,
    on_epoch: OnEpoch | None = None,
) -> FittedClassifier:
    """Train one classifier.

    Parameters
    ----------
    live
        The folder of dvclive's curves.
    on_epoch
        Called with an epoch's row of the history when the epoch has ended; by default, emits an event.
    """
    manifest = data.store.manifest
    _check_mode(manifest, params)
    retain_freed()
    prepare(params.seed, params.mixed_precision)
    with choose_strategy().scope():
        classifier = build_from_manifest(manifest, params, cached=manifest.views > 0)
        make_source = make_features_source if params.mode == "features" else make_online_source
        source = make_source(data, params, classifier)
        history = Trainer(source, params, checkpoints, live, on_epoch).run(plan_phases(params))
    return FittedClassifier(classifier, source, history)


def plan_phases(params: TrainParams) -> list[Phase]:
    """Plan the two phases of fine-tuning; a phase without epochs is left out."""
    planned = [
        Phase("head", params.head_epochs, params.head_learning_rate, warmup_epochs=0.0),
        Phase(
            "fine_tune",
            params.epochs,
            params.learning_rate,
            params.warmup_epochs,
            params.layer_decay,
            params.unfreeze,
        ),
    ]
    return [phase for phase in planned if phase.epochs]


def _check_mode(manifest: Manifest, params: TrainParams) -> None:
    cached = manifest.views > 0
    if cached != (params.mode == "features"):
        raise UserError(
            "params.yaml, train.mode",
            "must be the mode that the features were made for",
            f"{params.mode}, with features made for the other mode",
            "Run `facegender features`, or `dvc repro`, which runs it if needed.",
        )


def build_from_manifest(manifest: Manifest, params: TrainParams, cached: bool) -> Classifier:
    """Build the classifier that the features were made with; `cached`: its tuned part reads features at the cut.

    Raises
    ------
    UserError
        The backbone's weights have changed since the features were made.
    """
    backbone_params = BackboneParams(**manifest.backbone)
    backbone = load_backbone(backbone_params, manifest.weights["source"], params.seed)
    if fingerprint(backbone) != manifest.weights["fingerprint"]:
        raise UserError(
            "backbone.weights",
            "must be the weights that the features were made with",
            f"other weights under the same name, {manifest.weights['source']}",
            "Run `facegender features` again.",
        )
    return build_classifier(backbone_params, backbone, Cut(manifest.cut, manifest.trained_layers), params, cached)


def count_parameters(classifier: Classifier) -> tuple[int, int]:
    """Count the parameters that train, and all parameters."""
    trained = sum(int(np.prod(variable.shape)) for variable in classifier.tuned.trainable_variables)
    return trained, classifier.whole.count_params()
