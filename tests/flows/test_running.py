"""Runs that were killed are reported, and runs end with their worker."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest
from prefect import flow, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings

from flows.running import RUNS, at_work, disk_told, overtaken

pytestmark = pytest.mark.usefixtures("prefect_server")

SLEEPER = """
import sys, time
from pathlib import Path
from prefect import flow, runtime
from flows.running import at_work

@flow
def sleeper():
    with at_work(Path(sys.argv[1])):
        print("asleep as", runtime.flow_run.id, flush=True)
        time.sleep(600)

sleeper()
"""


@flow
def short(root: Path) -> str:
    with at_work(root):
        return str(runtime.flow_run.id)


@flow
def by_hand() -> str | None:
    return overtaken()


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PREFECT_API_URL": str(get_current_settings().api.url), **more}


def begin(checkout: Path, root: Path, *before: str, **more: str) -> tuple[subprocess.Popen[str], UUID]:
    """A run that sleeps in a process of its own: the process that was started, and the run."""
    command = [*before, sys.executable, "-c", SLEEPER, str(root)]
    process = subprocess.Popen(command, cwd=checkout, env=environment(**more), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            if line.startswith("asleep as "):
                return process, UUID(line.split()[-1])
    raise AssertionError(process.wait())


def state_of(run: UUID) -> State:
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run).state
    assert state is not None
    return state


def test_the_next_run_reports_one_that_was_killed(checkout, tmp_path):
    process, killed = begin(checkout, tmp_path)
    process.kill()
    process.wait()
    assert state_of(killed).name == "Running"
    short(tmp_path)
    assert state_of(killed).name == "Crashed"
    assert "killed" in str(state_of(killed).message)
    assert list((tmp_path / RUNS).iterdir()) == []


def test_a_run_that_lives_is_left_alone(checkout, tmp_path):
    process, waiting = begin(checkout, tmp_path)
    try:
        other = tmp_path / "other"
        (other / RUNS).mkdir(parents=True)
        os.link(tmp_path / RUNS / str(waiting), other / RUNS / str(waiting))
        short(other)
        assert state_of(waiting).name == "Running"
    finally:
        process.kill()
        process.wait()


def test_a_run_that_the_server_does_not_know_is_forgotten(tmp_path):
    stray = tmp_path / RUNS / "00000000-0000-0000-0000-000000000001"
    stray.parent.mkdir(parents=True)
    stray.touch()
    short(tmp_path)
    assert not stray.exists()


def test_a_run_ends_with_the_worker_that_started_it(checkout, tmp_path):
    # the shell is the worker here: it starts the run as its child, and is killed
    process, run = begin(checkout, tmp_path, "sh", "-c", '"$@"; true', "sh", PREFECT__FLOW_RUN_ID="set by a worker")
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 60
    while state_of(run).name == "Running":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert state_of(run).name == "Crashed"


def test_a_run_by_hand_is_overtaken_by_none():
    assert by_hand() is None


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "here"), "here: there must be free disk space."),
        (
            PermissionError(errno.EACCES, "Permission denied", "there"),
            "there: must be readable and writable",
        ),
    ],
)
def test_a_flow_that_finds_no_room_ends_with_one_message(error, message):
    @flow
    @disk_told
    def full() -> State:
        raise error

    state = full(return_state=True)
    assert state.is_failed()
    assert state.message.startswith(message)
    assert state.result(raise_on_failure=False).by_user


def test_a_bug_of_a_flow_stays_one():
    @flow
    @disk_told
    def wrong() -> State:
        raise ValueError("a bug")

    assert "ValueError" in wrong(return_state=True).message
