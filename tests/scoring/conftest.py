"""The fixtures of a small evaluation."""

from tests.small_evaluation import case, evaluated, metrics, model  # noqa: F401
