"""Stage `train`: the head alone, then the last layers with it; resumes after a kill; leaves the whole model.

Rows with fold 0 validate, choose the epoch and stop the training; all others train.
"""

import json
import logging
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender import __version__
from facegender.archive import save_model
from facegender.atomic import atomic_folder
from facegender.backbone import Cut, fingerprint, weighted_backbone
from facegender.checkpoint import Checkpoints
from facegender.decode import Pixels, decode_validated
from facegender.device import prepare, strategy
from facegender.errors import UserError
from facegender.export import export_engine
from facegender.fitting import Phase, Trainer
from facegender.inputs import features_source, online_source
from facegender.layout import Layout
from facegender.model import Classifier, build_classifier
from facegender.params import BackboneParams, Params, TrainParams
from facegender.store import FeatureStore, Manifest

logger = logging.getLogger(__name__)

SAMPLE = 64


def train(layout: Layout, params: Params) -> None:
    """Train on artifacts/features (or, in online mode, on the images) and leave model/ and dvclive/.

    Raises
    ------
    UserError
        Features that do not fit the parameters, or a class without a training or validation row.
    """
    validation = json.loads(layout.validation.read_text())
    with FeatureStore(layout.features) as store:
        manifest = store.manifest
        _check_fit(manifest, params)
        table = store.rows.merge(pd.read_parquet(layout.splits), on="image", validate="1:1", sort=False)
        prepare(params.train.seed, params.train.mixed_precision)
        positive = validation["classes"][1]
        checkpoints = Checkpoints(layout.resume / "train", _depends_on(params, manifest, table))
        with strategy().scope():
            classifier = _build(manifest, params.train)
            if params.train.mode == "features":
                source = features_source(store, table, positive, params.train, classifier)
            else:
                source = online_source(layout.images, table, positive, params, manifest, classifier)
            history = Trainer(source, params.train, checkpoints, layout.live).run(phases(params.train))
        share = float(np.mean(source.train.labels, dtype=np.float64))
        sample = _sample(layout, source.validation.rows, table["image"].tolist(), manifest)
        _write(layout, classifier, history, validation, manifest, params, share, sample)
    checkpoints.remove()


def phases(params: TrainParams) -> list[Phase]:
    """The two phases of a fine-tuning; one of no epochs is left out."""
    planned = [
        Phase("head", params.head_epochs, params.head_learning_rate, warmup_epochs=0.0),
        Phase("fine_tune", params.epochs, params.learning_rate, params.warmup_epochs),
    ]
    return [phase for phase in planned if phase.epochs]


def _check_fit(manifest: Manifest, params: Params) -> None:
    cached = manifest.views > 0
    if cached != (params.train.mode == "features"):
        raise UserError(
            "params.yaml, train.mode",
            "the features must be made for the same mode",
            f"{params.train.mode}, and features made for the other",
            "Run `facegender features`, or `dvc repro`, which does what is needed.",
        )


def _build(manifest: Manifest, params: TrainParams) -> Classifier:
    backbone_params = BackboneParams(**manifest.backbone)
    backbone = weighted_backbone(backbone_params, manifest.weights["source"], params.seed)
    if fingerprint(backbone) != manifest.weights["fingerprint"]:
        raise UserError(
            "backbone.weights",
            "must be the weights that the features were made with",
            f"other weights under the same name, {manifest.weights['source']}",
            "Run `facegender features` again.",
        )
    cut = Cut(manifest.cut, manifest.trained_layers)
    return build_classifier(backbone_params, backbone, cut, params, cached=manifest.views > 0)


def _depends_on(params: Params, manifest: Manifest, table: pd.DataFrame) -> dict[str, Any]:
    """All that decides how a training goes: a checkpoint of anything else is not resumed."""
    rows = pd.util.hash_pandas_object(table[["image", "sha256", "label", "fold"]], index=False)
    return {
        "train": params.train.model_dump(),
        "manifest": manifest.__dict__,
        "rows": int(rows.sum()),
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in ("tensorflow", "keras", "numpy")}
    return {"facegender": __version__, "python": platform.python_version(), **packages}


def _sample(layout: Layout, rows: npt.NDArray[np.int64], names: list[str], manifest: Manifest) -> Pixels:
    """Some validation pictures, evenly spread, for checking the exported engine: uint8 (n, s, s, 3)."""
    chosen = rows[:: max(1, len(rows) // SAMPLE)][:SAMPLE]
    size = manifest.backbone["image_size"]
    return np.stack([decode_validated(layout.images, names[row], size) for row in chosen])


def _write(
    layout: Layout,
    classifier: Classifier,
    history: list[dict[str, Any]],
    validation: dict[str, Any],
    manifest: Manifest,
    params: Params,
    positive_share: float,
    sample: Pixels,
) -> None:
    negative, positive = validation["classes"]
    classes = {
        "negative": negative,
        "positive": positive,
        "label_dtype": validation["label_dtype"],
        "image_size": manifest.backbone["image_size"],
        "positive_share": positive_share,
    }
    provenance = {
        "backbone": manifest.backbone,
        "weights": manifest.weights,
        "cut": manifest.cut,
        "trained_layers": manifest.trained_layers,
        "parameters": {
            "trained": _count(classifier.trains.trainable_variables),
            "all": classifier.whole.count_params(),
        },
        "params": {
            "augment": manifest.augment,
            "features": {"views": manifest.views, "seed": manifest.seed, "precision": manifest.precision},
            "train": params.train.model_dump(),
        },
        "versions": _versions(),
        "demo": validation["demo"],
    }
    with atomic_folder(layout.model) as folder:
        save_model(classifier.whole, folder / "model.keras")
        for check in export_engine(classifier.whole, folder, sample, params.scoring):
            logger.info("train: %s", check.sentence())
        pd.DataFrame(history).to_csv(folder / "history.csv", index=False)
        _write_json(folder / "classes.json", classes)
        _write_json(folder / "provenance.json", provenance)


def _count(variables: list[keras.Variable]) -> int:
    return int(sum(np.prod(variable.shape) for variable in variables))


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
