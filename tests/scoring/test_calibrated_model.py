"""The exported model: its probabilities are the calibrated ones, in OpenVINO and in TensorFlow."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from facegender.cli.app import app
from facegender.decision.calibration import Calibrator, fit_calibrator
from facegender.decision.decision import Decision, find_decision
from facegender.errors import UserError
from facegender.files.layout import Layout
from facegender.scoring.predict import predict

# Keras 3.15 saves TensorFlow's variables with a call that NumPy 2 warns about
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

RNG = np.random.default_rng(0)
SCORES = RNG.random(300)
ISOTONIC = fit_calibrator("isotonic", RNG.random(300) < SCORES**2, SCORES)


@pytest.fixture
def run(model, tmp_path):
    """A copy of the model as `train` writes it, with its OpenVINO file."""
    from facegender.network.engine import import_openvino, to_openvino
    from facegender.network.keras_file import load_model

    layout = Layout(tmp_path / "data", tmp_path / "artifacts")
    shutil.copytree(model, layout.model)
    layout.evaluation.mkdir()
    network = to_openvino(load_model(model / "model.keras"), tmp_path)
    import_openvino().save_model(network, layout.model / "openvino.xml", compress_to_fp16=False)
    return layout


@pytest.mark.parametrize("engine", ["openvino", "tensorflow"])
@pytest.mark.parametrize(
    "calibrator",
    [Calibrator("temperature", 1.7), ISOTONIC, Calibrator("none")],
    ids=lambda calibrator: calibrator.method,
)
def test_the_exported_models_probability_is_calibrated(run, case, calibrator, engine, tmp_path):
    from facegender.scoring.calibrated_model import export

    pictures = [case.layout.images / name for name in case.index["image"][:40]]
    (run.model / "engine.json").write_text(json.dumps({"engine": engine, "precision": "float32"}))
    run.decision.write_text(json.dumps(Decision(calibrator, 0.6, 0.1, 0.3).as_dict()))
    expected = pd.DataFrame(predict(run.model, pictures, find_decision(run.model)))
    export(run.model, tmp_path / "out")
    assert find_decision(tmp_path / "out") == Decision(Calibrator("none"), 0.6, 0.1, 0.3)
    found = pd.DataFrame(predict(tmp_path / "out", pictures, find_decision(tmp_path / "out")))
    assert found["positive"].to_numpy() == pytest.approx(expected["positive"].to_numpy(), abs=1e-5)
    assert found[["label", "abstain"]].equals(expected[["label", "abstain"]])
    # calibrated without its decision, too
    plain = pd.DataFrame(predict(tmp_path / "out", pictures))
    assert plain["positive"].to_numpy() == pytest.approx(expected["positive"].to_numpy(), abs=1e-5)
    assert (tmp_path / "out" / "openvino.xml").exists() == (engine == "openvino")


def test_the_command_exports_an_evaluated_model_to_a_new_folder(run, tmp_path):
    from facegender.scoring.calibrated_model import export

    arguments = ["export", str(run.model), str(tmp_path / "out")]
    with pytest.raises(UserError, match="must have been evaluated"):
        export(run.model, tmp_path / "out")
    run.decision.write_text(json.dumps(Decision(Calibrator("temperature", 2.0), 0.5, 0.1, 1.0).as_dict()))
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"model.keras", "classes.json", "decision.json"}
    with pytest.raises(UserError, match="the folder to export to must not exist yet"):
        export(run.model, tmp_path / "out")
    with pytest.raises(UserError, match="must be a model folder written by `facegender train`"):
        export(tmp_path, tmp_path / "other")
