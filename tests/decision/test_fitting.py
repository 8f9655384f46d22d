"""Fitting a decision, and cross-fitted answers."""

import json

import numpy as np
import pytest

from facegender.decision.calibration import Calibrator, sigmoid
from facegender.decision.decision import Decision, read_decision
from facegender.decision.fitting import Choices, answer_labelled, cross_fit, fit_decision
from tests.calibration_error import expected_calibration_error

CHOICES = Choices("temperature", "balanced_accuracy", 0.1, 5, 7)


def draw_rows(n, seed=0):
    """Draw labels, and probabilities of a model whose logits are 2.5 times too large and 1 too high."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1.5, n)
    return rng.random(n) < sigmoid(truth), sigmoid(2.5 * truth + 1)


def test_a_fitted_decision_is_stored_exactly(tmp_path):
    decision = fit_decision(*draw_rows(400), np.arange(400), CHOICES)
    path = tmp_path / "decision.json"
    path.write_text(json.dumps(decision.as_dict()))
    assert read_decision(path) == decision


def test_labelled_answers_by_hand():
    decision = Decision(Calibrator("temperature", 2.0), 0.6, 0.1, 0.45)
    labelled = answer_labelled(decision, np.array([True, False]), np.array([0.8, 0.5]))
    assert labelled.answers.probability == pytest.approx([2 / 3, 0.5])
    assert labelled.answers.positive.tolist() == [True, False]
    # at 2/3 the positive label is off by 1/3, so it is in the set; the negative one is off by 2/3, so it is out. At 1/2
    # both are off by 0.5, so the set is empty
    assert labelled.answers.abstain.tolist() == [False, True]
    assert labelled.covered.tolist() == [True, False]


def test_no_row_is_answered_by_a_decision_that_saw_it_or_its_copy():
    # 30 pictures with 20 copies each; labels are independent of the probability, so only seeing a copy beats chance
    rng = np.random.default_rng(0)
    positive, raw = np.repeat(rng.random(30) < 0.5, 20), np.repeat(rng.random(30), 20)
    steps = Choices("isotonic", 0.5, 0.1, 5, 7)
    fair = cross_fit(positive, raw, np.arange(600) // 20, steps)
    seen = cross_fit(positive, raw, np.arange(600), steps)
    assert np.mean((fair.answers.probability - positive) ** 2) > 0.25  # the Brier score of always saying 50%
    assert np.mean((seen.answers.probability - positive) ** 2) < 0.23


def test_cross_fitting_calibrates_and_the_sets_reach_their_coverage():
    positive, raw = draw_rows(3000)
    labelled = cross_fit(positive, raw, np.arange(3000), CHOICES)
    after = expected_calibration_error(positive, labelled.answers.probability, 15)
    assert after < expected_calibration_error(positive, raw, 15)
    assert labelled.covered.mean() == pytest.approx(0.9, abs=0.02)
    right = labelled.answers.positive == positive
    assert right[~labelled.answers.abstain].mean() > right.mean()


def test_cross_fitted_probabilities_are_near_those_of_the_stored_decision():
    positive, raw = draw_rows(3000)
    labelled = cross_fit(positive, raw, np.arange(3000), CHOICES)
    stored = answer_labelled(fit_decision(positive, raw, np.arange(3000), CHOICES), positive, raw)
    assert np.abs(labelled.answers.probability - stored.answers.probability).max() < 0.02


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_a_calibration_that_would_only_add_noise_is_left_out(method):
    choices = Choices(method, 0.5, 0.1, 5, 7)
    kept = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        truth = sigmoid(rng.normal(0, 1.5, 400))
        positive = rng.random(400) < truth
        labelled = cross_fit(positive, truth, np.arange(400), choices)
        left_out = fit_decision(positive, truth, np.arange(400), choices).calibrator.method == "none"
        # the cross-fitted results describe the model as it will answer
        assert left_out == (labelled.answers.probability.tolist() == truth.tolist())
        kept += not left_out
    assert kept <= 5  # by chance, at most one case in six exceeds the standard error
    assert fit_decision(*draw_rows(400), np.arange(400), choices).calibrator.method == method


def test_the_same_seed_gives_the_same_folds():
    positive, raw = draw_rows(300)
    runs = [cross_fit(positive, raw, np.arange(300), CHOICES).answers.probability.tolist() for _ in range(2)]
    assert runs[0] == runs[1]


def test_with_too_few_groups_the_models_own_probability_answers():
    positive, raw = np.array([True, True, False]), np.array([0.75, 0.5, 0.25])
    labelled = cross_fit(positive, raw, np.array([0, 0, 1]), CHOICES)
    assert labelled.answers.probability.tolist() == raw.tolist()
    assert labelled.answers.positive.tolist() == [True, True, False]
    assert labelled.answers.abstain.tolist() == [True, True, True]
