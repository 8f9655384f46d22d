"""The fixtures of a small training."""

from tests.small_training import prepared, workspace  # noqa: F401
