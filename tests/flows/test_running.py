"""Killed runs are reported, runs end with their worker, and failures are one message."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest
from prefect import flow, runtime, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings
from prefect.states import Completed

from flows.running import RUNS, find_later_run, hold_checkout, report_failures
from tasks.states import failed_state, require_completed

pytestmark = pytest.mark.usefixtures("prefect_server")

SLEEPER = """
import sys, time
from pathlib import Path
from prefect import flow, runtime, task
from flows.running import hold_checkout

@flow
def sleeper():
    with hold_checkout(Path(sys.argv[1])):
        print("asleep as", runtime.flow_run.id, flush=True)
        time.sleep(600)

sleeper()
"""


@flow
def short(root: Path) -> str:
    with hold_checkout(root):
        return str(runtime.flow_run.id)


@flow
def by_hand() -> str | None:
    return find_later_run()


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PREFECT_API_URL": str(get_current_settings().api.url), **more}


def begin(checkout: Path, root: Path, *before: str, **more: str) -> tuple[subprocess.Popen[str], UUID]:
    """Start a run that sleeps in its own process; return the process and the run's id."""
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


def test_the_next_run_reports_a_killed_run(checkout, tmp_path):
    process, killed = begin(checkout, tmp_path)
    process.kill()
    process.wait()
    assert state_of(killed).name == "Running"
    short(tmp_path)
    assert state_of(killed).name == "Crashed"
    assert "killed" in str(state_of(killed).message)
    assert list((tmp_path / RUNS).iterdir()) == []


def test_a_living_run_is_left_alone(checkout, tmp_path):
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
    # a shell plays the worker: it starts the run as its child and is killed
    process, run = begin(checkout, tmp_path, "sh", "-c", '"$@"; true', "sh", PREFECT__FLOW_RUN_ID="set by a worker")
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 60
    while state_of(run).name == "Running":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert state_of(run).name == "Crashed"


def test_no_later_run_is_found_for_a_run_by_hand():
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
def test_a_full_disk_or_a_missing_permission_ends_the_flow_with_one_message(error, message):
    @flow
    @report_failures
    def full() -> State:
        raise error

    state = full(return_state=True)
    assert state.is_failed()
    assert state.message.startswith(message)
    assert state.result(raise_on_failure=False).by_user


def test_a_flow_ends_in_the_state_of_its_failed_task():
    @task
    def stage(number: int) -> State:
        return Completed() if number == 0 else failed_state(f"stage {number} failed", by_user=True)

    @flow
    @report_failures
    def stages() -> State:
        require_completed(*(stage(number, return_state=True) for number in range(3)))
        return Completed()

    state = stages(return_state=True)
    assert (state.name, state.message) == ("Failed", "stage 1 failed")
    assert state.result(raise_on_failure=False).by_user


def test_a_bug_in_a_flow_keeps_its_error():
    @flow
    @report_failures
    def wrong() -> State:
        raise ValueError("a bug")

    assert "ValueError" in wrong(return_state=True).message
