import json

import numpy as np
import pytest

from facegender.decision.calibration import Calibrator, sigmoid
from facegender.decision.decision import Choices, Decision, cross_fit, fit, judge, read_decision
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


def test_judging_by_hand():
    decision = Decision(Calibrator("temperature", 2.0), 0.6, 0.1, 0.45)
    judged = judge(decision, np.array([True, False]), np.array([0.8, 0.5]))
    assert judged.probabilities == pytest.approx([2 / 3, 0.5])
    assert judged.predicted.tolist() == [True, False]
    # 2/3: positive is off by 1/3, in; negative by 2/3, out. 1/2: both off by 0.5, none in
    assert judged.abstain.tolist() == [False, True]
    assert judged.covered.tolist() == [True, False]


def test_no_row_is_judged_by_a_choice_that_saw_it_or_its_copy():
    # 30 pictures, 20 copies each, labels that have nothing to do with the probability: only who saw a copy beats chance
    rng = np.random.default_rng(0)
    positive, raw = np.repeat(rng.random(30) < 0.5, 20), np.repeat(rng.random(30), 20)
    steps = Choices("isotonic", 0.5, 0.1, 5, 7)
    fair = cross_fit(positive, raw, np.arange(600) // 20, steps)
    seen = cross_fit(positive, raw, np.arange(600), steps)
    assert np.mean((fair.probabilities - positive) ** 2) > 0.25  # saying 50% always
    assert np.mean((seen.probabilities - positive) ** 2) < 0.23


def test_cross_fitting_calibrates_and_keeps_the_promise_of_the_sets():
    positive, raw = drawn(3000)
    judged = cross_fit(positive, raw, np.arange(3000), CHOICES)
    after = expected_calibration_error(positive, judged.probabilities, 15)
    assert after < expected_calibration_error(positive, raw, 15)
    assert judged.covered.mean() == pytest.approx(0.9, abs=0.02)
    assert (judged.predicted == positive)[~judged.abstain].mean() > (judged.predicted == positive).mean()


def test_cross_fitted_probabilities_are_near_those_of_the_stored_decision():
    positive, raw = drawn(3000)
    judged = cross_fit(positive, raw, np.arange(3000), CHOICES)
    stored = judge(fit(positive, raw, np.arange(3000), CHOICES), positive, raw)
    assert np.abs(judged.probabilities - stored.probabilities).max() < 0.02


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
        assert left_out == (judged.probabilities.tolist() == truth.tolist())  # told of the model as it answers
        kept += not left_out
    assert kept <= 5  # the standard error is passed by chance in one case of six at most
    assert fit(*drawn(400), np.arange(400), choices).calibrator.method == method


def test_the_same_seed_gives_the_same_folds():
    positive, raw = drawn(300)
    runs = [cross_fit(positive, raw, np.arange(300), CHOICES).probabilities.tolist() for _ in range(2)]
    assert runs[0] == runs[1]


def test_too_few_groups_to_fit_on_others_are_judged_as_the_model_says():
    positive, raw = np.array([True, True, False]), np.array([0.75, 0.5, 0.25])
    judged = cross_fit(positive, raw, np.array([0, 0, 1]), CHOICES)
    assert judged.probabilities.tolist() == raw.tolist()
    assert judged.predicted.tolist() == [True, True, False]
