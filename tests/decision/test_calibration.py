import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from facegender.decision.calibration import Calibrator, calibrator_from, fit, fit_temperature, logit, sigmoid
from tests.calibration_error import expected_calibration_error


def drawn(n, temperature, seed=0):
    """Labels by the true probabilities, and a model whose logits are `temperature` times too large."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1.5, n)
    return rng.random(n) < sigmoid(truth), sigmoid(truth * temperature)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_is_found(temperature):
    assert fit_temperature(*drawn(20_000, temperature)) == pytest.approx(temperature, rel=0.06)


def test_the_temperature_is_logistic_regressions_one_weight():
    positive, probabilities = drawn(500, 2.0)
    weight = (
        LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit(logit(probabilities)[:, None], positive).coef_
    )
    assert fit_temperature(positive, probabilities) == pytest.approx(1 / weight[0, 0], rel=1e-4)


def test_a_model_that_is_always_wrong_ends_at_the_border():
    assert fit_temperature(np.array([True, False]), np.array([0.1, 0.9])) == pytest.approx(100, rel=1e-5)


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_other_rows_are_calibrated(method):
    calibrator = fit(method, *drawn(3000, 3.0, seed=1))
    positive, probabilities = drawn(3000, 3.0, seed=2)
    before = expected_calibration_error(positive, probabilities, 15)
    after = expected_calibration_error(positive, calibrator.apply(probabilities), 15)
    assert before > 0.08
    assert after < 0.03


def test_temperature_by_hand():
    # logits of 0.8 and 0.2 are log 4 and -log 4; halved they are log 2 and -log 2: 2/3 and 1/3
    assert Calibrator("temperature", 2.0).apply(np.array([0.8, 0.5, 0.2])) == pytest.approx([2 / 3, 0.5, 1 / 3])


def test_isotonic_steps_by_hand():
    calibrator = fit("isotonic", np.array([0, 1, 0, 1], bool), np.array([0.1, 0.4, 0.6, 0.9]))
    # the middle pair is out of order and pooled to 1/2; the ends stay off 0 and 1 by 1 / (4 + 2)
    assert calibrator.apply(np.array([0.0, 0.5, 1.0])) == pytest.approx([1 / 6, 0.5, 5 / 6], abs=1e-5)


@pytest.mark.parametrize("method", ["none", "temperature", "isotonic"])
def test_stored_and_read_back_it_is_the_same_and_unread_stays_unread(method):
    calibrator = fit(method, *drawn(200, 2.0))
    again = calibrator_from(json.loads(json.dumps(calibrator.as_dict())))
    values = np.array([0.0, 0.3, 1.0, np.nan])
    assert again == calibrator
    np.testing.assert_array_equal(again.apply(values), calibrator.apply(values))
    assert np.isnan(calibrator.apply(values)).tolist() == [False, False, False, True]


def test_the_order_of_faces_stays():
    positive, probabilities = drawn(500, 2.0)
    ranked = np.sort(probabilities)
    for method in ("temperature", "isotonic"):
        assert (np.diff(fit(method, positive, probabilities).apply(ranked)) >= 0).all()


def test_extreme_probabilities_have_finite_logits():
    assert logit(np.array([0.0, 1.0])) == pytest.approx([-15.9424, 15.9424], abs=1e-3)
