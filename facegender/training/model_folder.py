"""The folder of a model: the whole network, its engine, its labels, and its provenance."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from facegender.files.atomic import atomic_folder
from facegender.files.json_files import write_json
from facegender.network.engine import Images
from facegender.network.engine_choice import export_engine
from facegender.network.keras_file import save_model
from facegender.params.sections import EngineParams
from facegender.pictures.decode import decode_validated

logger = logging.getLogger(__name__)

SAMPLE_SIZE = 64


@dataclass(frozen=True)
class TrainedModel:
    """A finished model and what its folder says about it.

    Attributes
    ----------
    network
        Image (n, s, s, 3), RGB in [0, 255] -> probability of the positive class (n, 1).
    history
        One row per epoch: history.csv.
    classes, provenance
        The contents of classes.json and provenance.json.
    sample
        uint8 (n, s, s, 3): pictures on which the exported engine must agree with the network.
    """

    network: keras.Model
    history: pd.DataFrame
    classes: dict[str, Any]
    provenance: dict[str, Any]
    sample: Images


def sample_pictures(images: Path, names: "pd.Series[str]", size: int) -> Images:
    """Decode evenly spaced pictures, at most SAMPLE_SIZE, to check the exported engine on: uint8 (n, s, s, 3)."""
    chosen = names.iloc[:: max(1, len(names) // SAMPLE_SIZE)][:SAMPLE_SIZE]
    return np.stack([decode_validated(images, name, size) for name in chosen])


def describe_classes(validation: dict[str, Any], image_size: int, positive_share: float) -> dict[str, Any]:
    """Build classes.json from validation.json and what training has seen."""
    negative, positive = validation["classes"]
    return {
        "negative": negative,
        "positive": positive,
        "label_dtype": validation["label_dtype"],
        "image_size": image_size,
        "positive_share": positive_share,
    }


def write_model(out: Path, model: TrainedModel, params: EngineParams) -> None:
    """Write a model's folder, whole or not at all."""
    with atomic_folder(out) as folder:
        save_model(model.network, folder / "model.keras")
        for check in export_engine(model.network, folder, model.sample, params):
            logger.info("train: %s", check.describe(params.precision))
        model.history.to_csv(folder / "history.csv", index=False)
        write_json(folder / "classes.json", model.classes)
        write_json(folder / "provenance.json", model.provenance)
