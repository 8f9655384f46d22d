"""Export a model with its calibration as part of the network.

`train` saves an uncalibrated model, and `evaluate` fits the calibration on rows that training did not see. The export
joins the two, with Keras's own layers only. Whoever loads model.keras, with or without this package, gets calibrated
probabilities; the threshold is in decision.json beside it.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

import keras
import numpy as np

from facegender.decision.calibration import Calibrator
from facegender.decision.decision import find_decision
from facegender.errors import UserError
from facegender.files.atomic import atomic_folder
from facegender.files.json_files import read_json, write_json
from facegender.network.engine import has_openvino, import_openvino, to_openvino
from facegender.network.keras_file import load_model, save_model
from facegender.scoring.score import check_model_folder

COPIED_FILES: Final = ("classes.json", "engine.json", "history.csv", "provenance.json")


def export(model: Path, out: Path) -> None:
    """Export the model folder `model` to the new folder `out`, with the calibration of its evaluation in the network.

    `out` is a normal model folder, which predict, submit and compare accept. Its decision.json has the threshold and
    the conformal quantile of the evaluation, and "none" as calibration.

    Raises
    ------
    UserError
        `model` is not a model folder or has not been evaluated, or `out` exists; or the calibration cannot be part of
        the network, because it is isotonic and was fitted on the mean of several views.
    """
    if out.exists():
        raise UserError(str(out), "the folder to export to must not exist yet", "it exists")
    check_model_folder(model)
    decision = find_decision(model)
    if decision is None:
        raise UserError(str(model), "must have been evaluated", None, "Run `facegender evaluate`.")
    if decision.calibrator.method == "isotonic" and decision.views > 1:
        raise UserError(
            "params.yaml, scoring.tta",
            "must be 1 to export an isotonic calibration, which was fitted on the mean of all views, not on each",
            decision.views,
            "Or set evaluate.calibration to temperature; then run `facegender evaluate`.",
        )
    network = add_calibration(load_model(model / "model.keras"), decision.calibrator)
    with atomic_folder(out) as folder:
        save_model(network, folder / "model.keras")
        for name in COPIED_FILES:
            shutil.copyfile(model / name, folder / name)
        if read_json(model / "engine.json")["engine"] == "openvino" and has_openvino():
            converted = to_openvino(network, folder)
            import_openvino().save_model(converted, folder / "openvino.xml", compress_to_fp16=False)
        write_json(folder / "decision.json", replace(decision, calibrator=Calibrator("none")).as_dict())


def add_calibration(network: keras.Model, calibrator: Calibrator) -> keras.Model:
    """Append the calibration as layers: images (n, s, s, 3) -> calibrated probabilities (n, 1)."""
    if calibrator.method == "temperature":
        logit = network.get_layer("logit").output
        scaled = keras.layers.Rescaling(1 / calibrator.temperature, dtype="float32", name="temperature")(logit)
        probability = keras.layers.Activation("sigmoid", dtype="float32", name="calibrated")(scaled)
        return keras.Model(network.input, probability, name=network.name)
    if calibrator.method == "isotonic":
        return keras.Model(network.input, _piecewise_linear(network.output, calibrator), name=network.name)
    return network


def _piecewise_linear(probability: keras.KerasTensor, calibrator: Calibrator) -> keras.KerasTensor:
    """Interpolate between the steps: the sum of one ramp from 0 to 1 for each interval, times the rise over it."""
    known, heights = np.array(calibrator.steps).T
    widths, rises = np.diff(known), np.diff(heights)
    kept = widths > 0
    ramps = keras.layers.Dense(int(kept.sum()), dtype="float32", name="ramps")
    clip = keras.layers.ReLU(max_value=1.0, dtype="float32", name="cut")
    total = keras.layers.Dense(1, dtype="float32", name="calibrated")
    calibrated = total(clip(ramps(probability)))
    ramps.set_weights([1 / widths[kept][None, :], -known[:-1][kept] / widths[kept]])
    total.set_weights([rises[kept][:, None], heights[:1]])
    return calibrated
