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

# Keras 3.15 saves TensorFlow's variables in a way that NumPy 2 warns of
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

RNG = np.random.default_rng(0)
SCORES = RNG.random(300)
ISOTONIC = fit_calibrator("isotonic", RNG.random(300) < SCORES**2, SCORES)


@pytest.fixture
def run(model, tmp_path):
    """The model in a folder of its own, as `train` leaves it, exported for OpenVINO too."""
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
    "calibrator", [Calibrator("temperature", 1.7), ISOTONIC, Calibrator("none")], ids=lambda one: one.method
)
def test_the_exported_models_own_probability_is_the_calibrated_one(run, case, calibrator, engine, tmp_path):
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
    plain = pd.DataFrame(
        predict(tmp_path / "out", pictures)
    )  # whoever knows nothing of decisions gets calibrated probabilities too
    assert plain["positive"].to_numpy() == pytest.approx(expected["positive"].to_numpy(), abs=1e-5)
    assert (tmp_path / "out" / "openvino.xml").exists() == (engine == "openvino")


def test_the_command_and_what_it_refuses(run, tmp_path):
    from facegender.scoring.calibrated_model import export

    arguments = ["export", str(run.model), str(tmp_path / "out")]
    with pytest.raises(UserError, match="must have been evaluated"):
        export(run.model, tmp_path / "out")
    run.decision.write_text(json.dumps(Decision(Calibrator("temperature", 2.0), 0.5, 0.1, 1.0).as_dict()))
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"model.keras", "classes.json", "decision.json"}
    with pytest.raises(UserError, match="the folder to export to must be new"):
        export(run.model, tmp_path / "out")
    with pytest.raises(UserError, match="must be a folder that `facegender train` left"):
        export(tmp_path, tmp_path / "other")
