"""Fixtures for all tests."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# set before Prefect is imported, so that tests leave no runs in the checkout's own database
PREFECT_HOME = tempfile.TemporaryDirectory(prefix="prefect-home-", ignore_cleanup_errors=True)
os.environ["PREFECT_HOME"] = PREFECT_HOME.name

import tasks  # noqa: E402, F401

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The repository under test."""
    return CHECKOUT


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """A Prefect server with its own database, for all tests of flows and tasks."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield
