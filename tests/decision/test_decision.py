import ast
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from facegender.decision.calibration import Calibrator, sigmoid
from facegender.decision.decision import PLAIN, Choices, Decision, cross_fit, fit, judge, read_decision
from facegender.errors import UserError
from tests.calibration_error import expected_calibration_error

CHOICES = Choices("temperature", "balanced_accuracy", 0.1, 5, 7)


def drawn(n, seed=0):
    """A model whose logits are 2.5 times too large and 1 too high."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1.5, n)
    return rng.random(n) < sigmoid(truth), sigmoid(2.5 * truth + 1)


def test_stored_and_read_back(tmp_path):
    decision = fit(*drawn(400), np.arange(400), CHOICES)
    path = tmp_path / "decision.json"
    path.write_text(json.dumps(decision.as_dict()))
    assert read_decision(path) == decision


def test_a_model_that_was_not_evaluated_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"decision.json: the model must have been evaluated. Received: no such file"):
        read_decision(tmp_path / "decision.json")


def test_answers_by_hand():
    # at temperature 2 the logits halve: log(4) becomes log(2), 0.8 becomes 2/3. Sets tolerate 1 - p up to 0.45: at 2/3
    # and 1/3 one label is in; at 0.5 none, so the model abstains
    answers = Decision(Calibrator("temperature", 2.0), 0.6, 0.1, 0.45).answer(np.array([0.8, 0.2, 0.5]))
    assert answers.probability == pytest.approx([2 / 3, 1 / 3, 0.5])
    assert answers.positive.tolist() == [True, False, False]
    assert answers.abstain.tolist() == [False, False, True]


def test_from_the_threshold_on_the_positive_class_is_answered():
    below, above = np.nextafter(0.6, [0, 1])
    answers = Decision(Calibrator("none"), 0.6, 0.1, 0.45).answer(np.array([below, 0.6, above]))
    assert answers.positive.tolist() == [False, True, True]
    assert PLAIN.answer(np.array([0.5], np.float32)).positive.tolist() == [True]


STEPS = Calibrator("isotonic", steps=((0.1, 0.2), (0.9, 0.7)))


@pytest.mark.parametrize("calibrator", [Calibrator("none"), Calibrator("temperature", 2.0), STEPS])
def test_what_could_not_be_read_has_no_answer(calibrator):
    answers = Decision(calibrator, 0.5, 0.1, 0.45).answer(np.array([np.nan, 0.9], np.float32))
    assert np.isnan(answers.probability).tolist() == [True, False]
    assert answers.positive.tolist() == [False, True]
    assert answers.abstain.tolist() == [True, False]


@pytest.mark.parametrize("calibrator", [Calibrator("none"), Calibrator("temperature", 1.7), STEPS])
def test_the_models_float32_is_answered_as_the_same_float64(calibrator):
    raw = np.random.default_rng(0).random(50).astype(np.float32)
    decision = Decision(calibrator, 0.4, 0.1, 0.3)
    single, double = decision.answer(raw), decision.answer(raw.astype(np.float64))
    assert single.probability.dtype == np.float64
    assert single.probability.tolist() == double.probability.tolist()
    raw[:] = 0.0  # the answers are no view of what the caller holds
    assert single.probability.tolist() == double.probability.tolist()


def deciders(text: str) -> Iterator[str]:
    """What a module does of the way to an answer: compares with a threshold, applies a calibrator, abstains."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare) and any(
            isinstance(kind, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for kind in node.ops
        ):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Name | ast.Attribute) and called(side) == "threshold" for side in sides):
                yield "threshold"
        if isinstance(node, ast.Call):
            name = called(node.func)
            if name == "abstains" or (name == "apply" and "calibrat" in ast.unparse(node.func)):
                yield name


def called(node: ast.AST) -> str:
    return str(getattr(node, "attr", getattr(node, "id", "")))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("positive = known >= decision.threshold", ["threshold"]),
        ("threshold < known", ["threshold"]),
        ("decision.calibrator.apply(raw)", ["apply"]),
        ("conformal.abstains(known, positive, 0.3)", ["abstains"]),
        ("layer.threshold == 0.0", []),
        ("optimizer.apply(gradient)", []),
        ("np.abs(known - threshold)", []),
    ],
)
def test_the_search_for_deciders_finds_what_it_should(text, found):
    assert list(deciders(text)) == found


def test_one_place_applies_calibration_threshold_and_abstention(checkout: Path):
    found = {}
    for folder in ("facegender", "flows", "tasks", "benchmarks"):
        for path in (checkout / folder).rglob("*.py"):
            if steps := list(deciders(path.read_text(encoding="utf-8"))):
                found[str(path.relative_to(checkout))] = sorted(steps)
    # `apply` once more: `fit` chooses the threshold among calibrated probabilities
    assert found == {"facegender/decision/decision.py": ["abstains", "apply", "apply", "threshold"]}
    whole = ast.parse((checkout / "facegender/decision/decision.py").read_text(encoding="utf-8"))
    answer = next(node for node in ast.walk(whole) if isinstance(node, ast.FunctionDef) and node.name == "answer")
    assert sorted(deciders(ast.unparse(answer))) == ["abstains", "apply", "threshold"]


def test_judging_by_hand():
    decision = Decision(Calibrator("temperature", 2.0), 0.6, 0.1, 0.45)
    judged = judge(decision, np.array([True, False]), np.array([0.8, 0.5]))
    assert judged.answers.probability == pytest.approx([2 / 3, 0.5])
    assert judged.answers.positive.tolist() == [True, False]
    # 2/3: positive is off by 1/3, in; negative by 2/3, out. 1/2: both off by 0.5, none in
    assert judged.answers.abstain.tolist() == [False, True]
    assert judged.covered.tolist() == [True, False]


def test_no_row_is_judged_by_a_choice_that_saw_it_or_its_copy():
    # 30 pictures, 20 copies each, labels that have nothing to do with the probability: only who saw a copy beats chance
    rng = np.random.default_rng(0)
    positive, raw = np.repeat(rng.random(30) < 0.5, 20), np.repeat(rng.random(30), 20)
    steps = Choices("isotonic", 0.5, 0.1, 5, 7)
    fair = cross_fit(positive, raw, np.arange(600) // 20, steps)
    seen = cross_fit(positive, raw, np.arange(600), steps)
    assert np.mean((fair.answers.probability - positive) ** 2) > 0.25  # saying 50% always
    assert np.mean((seen.answers.probability - positive) ** 2) < 0.23


def test_cross_fitting_calibrates_and_keeps_the_promise_of_the_sets():
    positive, raw = drawn(3000)
    judged = cross_fit(positive, raw, np.arange(3000), CHOICES)
    after = expected_calibration_error(positive, judged.answers.probability, 15)
    assert after < expected_calibration_error(positive, raw, 15)
    assert judged.covered.mean() == pytest.approx(0.9, abs=0.02)
    assert (judged.answers.positive == positive)[~judged.answers.abstain].mean() > (
        judged.answers.positive == positive
    ).mean()


def test_cross_fitted_probabilities_are_near_those_of_the_stored_decision():
    positive, raw = drawn(3000)
    judged = cross_fit(positive, raw, np.arange(3000), CHOICES)
    stored = judge(fit(positive, raw, np.arange(3000), CHOICES), positive, raw)
    assert np.abs(judged.answers.probability - stored.answers.probability).max() < 0.02


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_a_calibration_is_left_out_where_it_would_only_add_noise(method):
    choices = Choices(method, 0.5, 0.1, 5, 7)
    kept = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        truth = sigmoid(rng.normal(0, 1.5, 400))
        positive = rng.random(400) < truth
        judged = cross_fit(positive, truth, np.arange(400), choices)
        left_out = fit(positive, truth, np.arange(400), choices).calibrator.method == "none"
        assert left_out == (judged.answers.probability.tolist() == truth.tolist())  # told of the model as it answers
        kept += not left_out
    assert kept <= 5  # the standard error is passed by chance in one case of six at most
    assert fit(*drawn(400), np.arange(400), choices).calibrator.method == method


def test_the_same_seed_gives_the_same_folds():
    positive, raw = drawn(300)
    runs = [cross_fit(positive, raw, np.arange(300), CHOICES).answers.probability.tolist() for _ in range(2)]
    assert runs[0] == runs[1]


def test_too_few_groups_to_fit_on_others_are_judged_as_the_model_says():
    positive, raw = np.array([True, True, False]), np.array([0.75, 0.5, 0.25])
    judged = cross_fit(positive, raw, np.array([0, 0, 1]), CHOICES)
    assert judged.answers.probability.tolist() == raw.tolist()
    assert judged.answers.positive.tolist() == [True, True, False]
    assert judged.answers.abstain.tolist() == [True, True, True]
