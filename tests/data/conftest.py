"""Fixtures for the tests of validate."""

from pathlib import Path

import pytest

from tests.small_data import Data


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """a0..a9 with label 0, b0..b9 with label 1, t0..t3 in test.csv."""
    return Data(tmp_path)
