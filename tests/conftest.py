"""What all tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import tasks  # noqa: F401  (its settings come before Prefect's first import)

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The repository under test."""
    return CHECKOUT


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """A Prefect server with a database of its own, for all tests of flows and tasks."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield
