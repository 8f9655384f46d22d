"""The first step of a run, against real DVC."""

import shutil

import pytest
from prefect import flow
from prefect.states import State

from tasks.checkout import Checkout
from tasks.dvc_stage import read_status, run_dvc
from tasks.record_data import record_data
from tasks.states import StageError, copy_state

pytestmark = pytest.mark.usefixtures("prefect_server")


@flow
def first_step(checkout: Checkout) -> State:
    return copy_state(record_data(checkout, return_state=True))


@pytest.fixture
def checkout(pipeline) -> Checkout:
    checkout = pipeline()
    (checkout.root / "data/images").mkdir(parents=True)
    (checkout.root / "data/images/a.jpg").write_bytes(b"one")
    return checkout


def step(checkout: Checkout) -> State:
    return first_step(checkout, return_state=True)


def test_new_then_unchanged_then_changed_data(checkout):
    recorded = checkout.root / "data.dvc"
    state = step(checkout)
    assert (state.name, state.message) == (
        "Completed",
        "data/ is new: data.dvc now records its content. Commit data.dvc with dvc.lock.",
    )
    first = recorded.read_text()
    assert step(checkout).name == "Cached"
    assert recorded.read_text() == first

    (checkout.root / "data/images/a.jpg").write_bytes(b"two")
    state = step(checkout)
    assert (state.name, state.message) == (
        "Completed",
        "data/ has changed: data.dvc now records its content. Commit data.dvc with dvc.lock.",
    )
    assert recorded.read_text() != first
    assert read_status(checkout) == {}


def test_recorded_data_that_the_cache_lacks_has_not_changed(checkout):
    step(checkout)
    shutil.rmtree(checkout.root / ".dvc/cache")
    assert step(checkout).message == "data/ matches data.dvc, and DVC's cache now holds it."
    assert read_status(checkout) == {}


def test_missing_data_is_restored_from_the_cache(checkout):
    step(checkout)
    (checkout.root / "data/images/a.jpg").unlink()
    (checkout.root / "data/images").rmdir()
    (checkout.root / "data").rmdir()
    assert step(checkout).message == "data/ was missing. It is restored from DVC's cache."
    assert (checkout.root / "data/images/a.jpg").read_bytes() == b"one"


def test_data_that_is_nowhere_is_a_mistake_of_the_users(checkout):
    (checkout.root / "data").rename(checkout.root / "elsewhere")
    state = step(checkout)
    assert state.is_failed()
    assert "facegender demo" in state.message
    error = state.result(raise_on_failure=False)
    assert isinstance(error, StageError)
    assert error.by_user


def test_data_that_only_a_remote_has_must_be_pulled(checkout):
    step(checkout)
    assert run_dvc(checkout, "remove", "data.dvc") == (0, "")  # the new data.dvc below names data that the cache lacks
    text = "outs:\n- md5: 0123456789abcdef0123456789abcdef.dir\n  nfiles: 1\n  hash: md5\n  path: data\n"
    (checkout.root / "data.dvc").write_text(text)
    (checkout.root / "data").rename(checkout.root / "elsewhere")
    state = step(checkout)
    assert state.is_failed()
    assert "dvc pull data.dvc" in state.message
    assert state.result(raise_on_failure=False).by_user


def test_what_dvc_refuses_is_shown(checkout):
    (checkout.root / "data/link").symlink_to(checkout.root / "nowhere")
    state = step(checkout)
    assert state.is_failed()
    assert "`dvc add data` ended with" in state.message
