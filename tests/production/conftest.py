"""Fixtures of a small evaluation, for the tests of production."""

from tests.small_evaluation import case, evaluated, metrics, model  # noqa: F401
