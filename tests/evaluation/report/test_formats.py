"""Figures as a person reads them."""

import pytest

from facegender.evaluation.report.formats import metric, show


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.8525, "percent", "85.2%"),
        (0.0312, "points", "3.1"),
        (0.3249, "decimal", "0.325"),
        (-0.0042, "points", "−0.4"),  # a minus sign, not a hyphen
        (1200, "count", "1,200"),
        (0.9999, "percent0", "99%"),
        (0.0001, "percent0", "1%"),
        (None, "percent", "–"),
    ],
)
def test_numbers_as_shown(value, form, text):
    assert show(value, form) == text


def test_a_path_may_lead_through_keys_with_dots():
    assert metric({"classes": {"1.0": {"f1": {"value": 0.5}}}}, "classes.1.0.f1.value") == 0.5
    with pytest.raises(KeyError, match="low"):
        metric({"f1": {"value": 0.5}}, "f1.low")
