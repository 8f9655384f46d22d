"""Fixtures of a small evaluation, for the tests of scoring."""

from tests.small_evaluation import case, evaluated, metrics, model  # noqa: F401
