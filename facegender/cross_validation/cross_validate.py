"""Stage `cross_validate`: join the folds into one model; evaluate every row by the fold that has not seen it."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.decision.classes import read_classes
from facegender.evaluation.out_of_fold import write_out_of_fold
from facegender.features.store import Manifest
from facegender.files.atomic import atomic_folder
from facegender.files.json_files import read_json
from facegender.files.layout import Layout
from facegender.network.device import prepare
from facegender.network.ensemble import build_ensemble
from facegender.params.stage_params import CrossValidateStageParams
from facegender.training.model_folder import TrainedModel, describe_classes, sample_pictures, write_model
from facegender.training.provenance import build_provenance
from facegender.training.train import build_from_manifest, count_parameters

logger = logging.getLogger(__name__)


def cross_validate(layout: Layout, params: CrossValidateStageParams) -> None:
    """Read artifacts/folds; write the ensemble's model/ and its evaluation/ to artifacts/cross_validation."""
    validation = read_json(layout.validation)
    manifest = Manifest.read(layout.features)
    rows = pd.read_parquet(layout.folds / "rows.parquet")
    folds = sorted(layout.folds.glob("fold_*"), key=lambda folder: int(folder.name.removeprefix("fold_")))
    predicted = pd.concat(pd.read_parquet(fold / "predictions.parquet") for fold in folds)
    judged = rows.merge(predicted, on="image", validate="1:1").rename(columns={"probability": "raw_probability"})

    prepare(params.train.seed, params.train.mixed_precision)
    classifier = build_from_manifest(manifest, params.train, cached=manifest.cut is not None)
    trained = count_parameters(classifier)[0] * len(folds)
    network = build_ensemble(classifier, [read_weights(fold / "weights.npz") for fold in folds])
    made = build_provenance(manifest, params.train, trained, network.count_params(), validation["demo"])
    size = manifest.backbone["image_size"]
    positive_share = float((judged["label"] == validation["classes"][1]).mean())
    model = TrainedModel(
        network=network,
        history=pd.concat(pd.read_csv(fold / "history.csv").assign(fold=number) for number, fold in enumerate(folds)),
        classes=describe_classes(validation, size, positive_share),
        provenance=made | {"folds": len(folds)},
        sample=sample_pictures(layout.images, judged["image"], size),
    )
    with atomic_folder(layout.cross_validation) as folder:
        write_model(folder / "model", model, params.scoring)
        classes = read_classes(folder / "model")
        accuracy = write_out_of_fold(folder / "evaluation", judged, classes, params.evaluate)["accuracy"]
    logger.info(
        "cross_validate: out-of-fold accuracy %.3f (95%% interval %.3f to %.3f, n = %s)",
        accuracy["value"],
        accuracy["low"],
        accuracy["high"],
        f"{accuracy['n']:,}",
    )


def read_weights(path: Path) -> list[npt.NDArray[Any]]:
    """Read the weights of a whole network, in Keras's order."""
    with np.load(path) as arrays:
        return [arrays[name] for name in arrays.files]
