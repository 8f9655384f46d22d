"""A decision's answers, its file, and that only one place decides."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from facegender.decision.calibration import Calibrator
from facegender.decision.decision import DEFAULT_DECISION, Decision, read_decision
from facegender.errors import UserError

STEPS = Calibrator("isotonic", steps=((0.1, 0.2), (0.9, 0.7)))


@pytest.mark.parametrize("calibrator", [Calibrator("none"), Calibrator("temperature", 1.7), STEPS])
def test_a_stored_decision_is_read_back(tmp_path, calibrator):
    decision = Decision(calibrator, 0.4, 0.1, 0.3, views=2)
    path = tmp_path / "decision.json"
    path.write_text(json.dumps(decision.as_dict()))
    assert read_decision(path) == decision


def test_a_model_that_was_not_evaluated_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"decision.json: the model must have been evaluated. Received: no such file"):
        read_decision(tmp_path / "decision.json")


def test_answers_by_hand():
    # at temperature 2 the logits halve: log(4) becomes log(2), so 0.8 becomes 2/3. Sets tolerate 1 - p up to 0.45: at
    # 2/3 and 1/3 they contain one label; at 0.5 none, so the model abstains
    answers = Decision(Calibrator("temperature", 2.0), 0.6, 0.1, 0.45).answer(np.array([0.8, 0.2, 0.5]))
    assert answers.probability == pytest.approx([2 / 3, 1 / 3, 0.5])
    assert answers.positive.tolist() == [True, False, False]
    assert answers.abstain.tolist() == [False, False, True]


def test_a_probability_at_the_threshold_is_positive():
    below, above = np.nextafter(0.6, [0, 1])
    answers = Decision(Calibrator("none"), 0.6, 0.1, 0.45).answer(np.array([below, 0.6, above]))
    assert answers.positive.tolist() == [False, True, True]
    assert DEFAULT_DECISION.answer(np.array([0.5], np.float32)).positive.tolist() == [True]


@pytest.mark.parametrize("calibrator", [Calibrator("none"), Calibrator("temperature", 2.0), STEPS])
def test_an_unreadable_picture_has_no_answer(calibrator):
    answers = Decision(calibrator, 0.5, 0.1, 0.45).answer(np.array([np.nan, 0.9], np.float32))
    assert np.isnan(answers.probability).tolist() == [True, False]
    assert answers.positive.tolist() == [False, True]
    assert answers.abstain.tolist() == [True, False]


@pytest.mark.parametrize("calibrator", [Calibrator("none"), Calibrator("temperature", 1.7), STEPS])
def test_float32_gives_the_same_answers_as_float64(calibrator):
    raw = np.random.default_rng(0).random(50).astype(np.float32)
    decision = Decision(calibrator, 0.4, 0.1, 0.3)
    single, double = decision.answer(raw), decision.answer(raw.astype(np.float64))
    assert single.probability.dtype == np.float64
    assert single.probability.tolist() == double.probability.tolist()
    raw[:] = 0.0  # the answers are a copy, not a view
    assert single.probability.tolist() == double.probability.tolist()


def find_deciders(text: str) -> Iterator[str]:
    """Find the steps to an answer in a module: it compares with a threshold, applies a calibrator, or abstains."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare) and any(
            isinstance(kind, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for kind in node.ops
        ):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Name | ast.Attribute) and name_of(side) == "threshold" for side in sides):
                yield "threshold"
        if isinstance(node, ast.Call):
            name = name_of(node.func)
            if name == "should_abstain" or (name == "apply" and "calibrat" in ast.unparse(node.func)):
                yield name


def name_of(node: ast.AST) -> str:
    return str(getattr(node, "attr", getattr(node, "id", "")))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("positive = known >= decision.threshold", ["threshold"]),
        ("threshold < known", ["threshold"]),
        ("decision.calibrator.apply(raw)", ["apply"]),
        ("conformal.should_abstain(known, positive, 0.3)", ["should_abstain"]),
        ("layer.threshold == 0.0", []),
        ("optimizer.apply(gradient)", []),
        ("np.abs(known - threshold)", []),
    ],
)
def test_deciders_are_found(text, found):
    assert list(find_deciders(text)) == found


def test_one_place_applies_calibration_threshold_and_abstention(checkout: Path):
    found = {}
    for folder in ("facegender", "flows", "tasks", "benchmarks"):
        for path in (checkout / folder).rglob("*.py"):
            if steps := list(find_deciders(path.read_text(encoding="utf-8"))):
                found[str(path.relative_to(checkout))] = sorted(steps)
    assert found == {
        "facegender/decision/decision.py": ["apply", "should_abstain", "threshold"],
        "facegender/decision/fitting.py": ["apply"],  # the threshold is chosen among calibrated probabilities
    }
    whole = ast.parse((checkout / "facegender/decision/decision.py").read_text(encoding="utf-8"))
    answer = next(node for node in ast.walk(whole) if isinstance(node, ast.FunctionDef) and node.name == "answer")
    assert sorted(find_deciders(ast.unparse(answer))) == ["apply", "should_abstain", "threshold"]
