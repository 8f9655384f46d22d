"""`predict` applies the decision of `evaluate`; a small real model scores the pictures."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from facegender.cli.app import app
from facegender.decision.calibration import Calibrator
from facegender.decision.decision import Decision, find_decision
from facegender.errors import UserError
from facegender.scoring.predict import predict

# Keras 3.15 saves TensorFlow's variables with a call that NumPy 2 warns about
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.fixture
def pictures(case, model) -> list[Path]:
    labels = case.index["label"]
    red, blue = labels.ne("0").idxmax(), labels.ne("1").idxmax()
    return [case.layout.images / case.index["image"].iloc[row] for row in (red, blue)]


def test_without_an_evaluation_the_raw_probability_and_threshold_one_half_apply(model, pictures):
    assert find_decision(model) is None
    found = predict(model, pictures)
    # logits of ±4 * 140 / 255: probabilities of 0.9 for each label
    assert [row.label for row in found] == ["1", "0"]
    assert [row.probability for row in found] == pytest.approx([0.9, 0.9], abs=0.001)
    assert [row.abstain for row in found] == [False, False]


def test_a_decision_calibrates_applies_its_threshold_and_abstains(model, pictures):
    # temperature 2 halves the logits ±2.196: 0.75 and 0.25. The conformal quantile 0.2 excludes both labels: abstain
    found = predict(model, pictures, Decision(Calibrator("temperature", 2.0), 0.8, 0.1, 0.2))
    assert [row.positive for row in found] == pytest.approx([0.75, 0.25], abs=0.001)
    assert [row.label for row in found] == ["0", "0"]
    assert [row.abstain for row in found] == [True, True]


def test_the_command_abstains_only_with_an_evaluation(model, pictures, tmp_path):
    copied = tmp_path / "artifacts" / "model"
    copied.mkdir(parents=True)
    for file in model.iterdir():
        (copied / file.name).write_bytes(file.read_bytes())
    arguments = ["predict", str(copied), str(pictures[0]), "--csv", "--abstain"]
    refused = CliRunner().invoke(app, arguments)
    assert isinstance(refused.exception, UserError)
    assert "must have been evaluated" in str(refused.exception)
    (tmp_path / "artifacts" / "evaluation").mkdir()
    decision = Decision(Calibrator("none"), 0.5, 0.1, 0.05).as_dict()
    (tmp_path / "artifacts" / "evaluation" / "decision.json").write_text(json.dumps(decision))
    answered = CliRunner().invoke(app, arguments)
    assert answered.exit_code == 0
    cells = answered.stdout.splitlines()[-1].split(",")
    assert cells[-5] == ""  # the label, before probability, positive, abstain and reason
    assert cells[-2] == "True"
