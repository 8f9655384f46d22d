"""A model that carries its calibration: one folder to hand on, whose own probabilities are the calibrated ones.

`train` leaves a model as it learnt, and `evaluate` finds what calibrates it on rows that training did not see. Here the
two become one network of Keras's own layers: whoever loads model.keras, with or without this package, gets calibrated
probabilities, and the threshold lies beside it in decision.json.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from facegender.decision.calibration import Calibrator
from facegender.decision.decision import find_decision
from facegender.errors import UserError
from facegender.files.atomic import atomic_folder
from facegender.files.json_files import read_json, write_json
from facegender.network.engine import has_openvino, import_openvino, to_openvino
from facegender.network.keras_file import load_model, save_model

COPIED = ("classes.json", "engine.json", "history.csv", "provenance.json")


def export(model: Path, out: Path) -> None:
    """Write the model folder `model`, calibrated as its evaluation says, to the new folder `out`.

    `out` is a model folder like any other: predict, submit and compare take it. Its decision.json has the threshold and
    the conformal quantile of the evaluation, and no calibration left to apply.

    Raises
    ------
    UserError
        The folder is no model, has not been evaluated, or `out` is there already; or its calibration cannot be part of
        the network, being steps on the mean of several views.
    """
    if out.exists():
        raise UserError(str(out), "the folder to export to must be new", "something is there")
    if not (model / "model.keras").is_file():
        raise UserError(str(model), "must be a folder that `facegender train` left, with model.keras in it")
    decision = find_decision(model)
    if decision is None:
        raise UserError(str(model), "must have been evaluated", None, "Run `facegender evaluate`.")
    if decision.calibrator.method == "isotonic" and decision.views > 1:
        raise UserError(
            "params.yaml, scoring.tta",
            "must be 1 to export an isotonic calibration: its steps hold for the mean of the views, not for each",
            decision.views,
            "Or set evaluate.calibration to temperature; then run `facegender evaluate`.",
        )
    whole = calibrated(load_model(model / "model.keras"), decision.calibrator)
    with atomic_folder(out) as folder:
        save_model(whole, folder / "model.keras")
        for name in COPIED:
            shutil.copyfile(model / name, folder / name)
        if read_json(model / "engine.json")["engine"] == "openvino" and has_openvino():
            network = to_openvino(whole, folder)
            import_openvino().save_model(network, folder / "openvino.xml", compress_to_fp16=False)
        done = replace(decision, calibrator=Calibrator("none"))
        write_json(folder / "decision.json", done.as_dict())


def calibrated(whole: keras.Model, calibrator: Calibrator) -> keras.Model:
    """The network with its calibration as further layers: image (n, s, s, 3) -> calibrated probability (n, 1)."""
    if calibrator.method == "temperature":
        logit = whole.get_layer("logit").output
        cooled = keras.layers.Rescaling(1 / calibrator.temperature, dtype="float32", name="temperature")(logit)
        probability = keras.layers.Activation("sigmoid", dtype="float32", name="calibrated")(cooled)
        return keras.Model(whole.input, probability, name=whole.name)
    if calibrator.method == "isotonic":
        return keras.Model(whole.input, _joined_steps(whole.output, calibrator), name=whole.name)
    return whole


def _joined_steps(probability: keras.KerasTensor, calibrator: Calibrator) -> keras.KerasTensor:
    """Straight lines between the steps: a ramp from 0 to 1 over each interval, times the height gained there."""
    known, heights = np.array(calibrator.steps).T
    widths, gains = np.diff(known), np.diff(heights)
    kept = widths > 0
    ramps = keras.layers.Dense(int(kept.sum()), dtype="float32", name="ramps")
    cut = keras.layers.ReLU(max_value=1.0, dtype="float32", name="cut")
    heap = keras.layers.Dense(1, dtype="float32", name="calibrated")
    joined = heap(cut(ramps(probability)))
    ramps.set_weights([1 / widths[kept][None, :], -known[:-1][kept] / widths[kept]])
    heap.set_weights([gains[kept][:, None], heights[:1]])
    return joined
