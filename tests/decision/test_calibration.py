"""Calibration: known functions are found again, other rows come out calibrated, and files keep every digit."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from facegender.decision.calibration import Calibrator, fit_calibrator, fit_temperature, logit, sigmoid
from tests.calibration_error import expected_calibration_error


def draw_rows(n, temperature, seed=0):
    """Draw labels, and probabilities of a model whose logits are `temperature` times too large."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1.5, n)
    return rng.random(n) < sigmoid(truth), sigmoid(truth * temperature)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_is_found(temperature):
    assert fit_temperature(*draw_rows(20_000, temperature)) == pytest.approx(temperature, rel=0.06)


def test_the_temperature_is_the_inverse_weight_of_a_logistic_regression():
    positive, probabilities = draw_rows(500, 2.0)
    weight = (
        LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit(logit(probabilities)[:, None], positive).coef_
    )
    assert fit_temperature(positive, probabilities) == pytest.approx(1 / weight[0, 0], rel=1e-4)


def test_a_model_that_is_always_wrong_gets_the_largest_temperature():
    assert fit_temperature(np.array([True, False]), np.array([0.1, 0.9])) == pytest.approx(100, rel=1e-5)


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_other_rows_are_calibrated(method):
    calibrator = fit_calibrator(method, *draw_rows(3000, 3.0, seed=1))
    positive, probabilities = draw_rows(3000, 3.0, seed=2)
    before = expected_calibration_error(positive, probabilities, 15)
    after = expected_calibration_error(positive, calibrator.apply(probabilities), 15)
    assert before > 0.08
    assert after < 0.03


def test_temperature_by_hand():
    # the logits of 0.8 and 0.2 are log 4 and -log 4; halved, they are log 2 and -log 2: 2/3 and 1/3
    assert Calibrator("temperature", 2.0).apply(np.array([0.8, 0.5, 0.2])) == pytest.approx([2 / 3, 0.5, 1 / 3])


def test_isotonic_steps_by_hand():
    calibrator = fit_calibrator("isotonic", np.array([0, 1, 0, 1], bool), np.array([0.1, 0.4, 0.6, 0.9]))
    # the middle pair is out of order and is pooled to 1/2; the ends keep a distance of 1 / (4 + 2) from 0 and 1
    assert calibrator.apply(np.array([0.0, 0.5, 1.0])) == pytest.approx([1 / 6, 0.5, 5 / 6], abs=1e-5)


@pytest.mark.parametrize("method", ["none", "temperature", "isotonic"])
def test_a_stored_calibrator_is_read_back_and_keeps_nan(method):
    calibrator = fit_calibrator(method, *draw_rows(200, 2.0))
    again = Calibrator.from_dict(json.loads(json.dumps(calibrator.as_dict())))
    values = np.array([0.0, 0.3, 1.0, np.nan])
    assert again == calibrator
    np.testing.assert_array_equal(again.apply(values), calibrator.apply(values))
    assert np.isnan(calibrator.apply(values)).tolist() == [False, False, False, True]


def test_calibration_keeps_the_order_of_faces():
    positive, probabilities = draw_rows(500, 2.0)
    ranked = np.sort(probabilities)
    for method in ("temperature", "isotonic"):
        assert (np.diff(fit_calibrator(method, positive, probabilities).apply(ranked)) >= 0).all()


def test_extreme_probabilities_have_finite_logits():
    assert logit(np.array([0.0, 1.0])) == pytest.approx([-15.9424, 15.9424], abs=1e-3)
