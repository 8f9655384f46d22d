"""Fixtures for all tests."""

import gc
import os
import sys
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


@pytest.fixture(scope="module", autouse=True)
def release_networks() -> Iterator[None]:
    """Free the networks of a test module: Keras keeps them in its state, and a frozen object is never collected."""
    yield
    if "keras" in sys.modules:
        import keras

        from facegender.runtime.memory import release_freed

        keras.backend.clear_session()
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        release_freed()
