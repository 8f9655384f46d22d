"""The fixtures of tests/small_training.py."""

from tests.small_training import prepared, workspace  # noqa: F401
