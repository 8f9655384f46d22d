"""Figures as text."""

from tasks.estimates import format_estimate, format_points


def test_an_estimate_has_its_interval_and_n():
    figure = {"value": 0.861, "low": 0.84, "high": 0.88, "n": 1200}
    assert format_estimate(figure) == "0.861 (95% interval 0.840 to 0.880, n = 1,200)"
    assert format_estimate({"value": None, "low": None, "high": None, "n": 0}) == "undefined (n = 0)"


def test_a_difference_is_in_points():
    difference = {"value": 0.004, "low": -0.01, "high": 0.018, "n": 1200}
    assert format_points(difference) == "+0.4 points (95% interval -1.0 to +1.8, n = 1,200)"
