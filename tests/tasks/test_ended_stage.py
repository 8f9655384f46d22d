"""A stage that is ended leaves no process behind."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest
from prefect import flow, task
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings

from tasks.checkout import Checkout
from tasks.child import group_lives
from tasks.dvc_stage import run_stage
from tasks.states import copy_state
from tests.tasks.test_dvc_stage import SLEEP, SPEAK, run, stage

pytestmark = pytest.mark.usefixtures("prefect_server")


def processes(checkout: Checkout) -> list[int]:
    """Wait for the stage; return its process group and its child's process id."""
    note = checkout.root / "processes"
    deadline = time.monotonic() + 120
    while not note.exists() or len(note.read_text().split()) != 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return [int(number) for number in note.read_text().split()]


def assert_gone(checkout: Checkout) -> None:
    group, child = processes(checkout)
    assert not group_lives(group)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_stage_that_takes_too_long_is_ended_with_all_its_children(pipeline):
    checkout = replace(pipeline(work=SLEEP), seconds_per_stage=15.0)
    state = run("work", checkout)
    assert (state.type, state.name) == ("FAILED", "TimedOut")
    assert state.message == "work took longer than 15 s."
    assert_gone(checkout)


def test_a_timeout_of_prefect_ends_the_whole_group_too(pipeline):
    checkout = pipeline(work=SLEEP)

    @flow
    def impatient() -> State[Any]:
        return copy_state(stage.with_options(timeout_seconds=15)("work", checkout, return_state=True))

    state = impatient(return_state=True)
    assert state.name == "TimedOut"
    assert_gone(checkout)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_flow_ends_the_whole_group(pipeline, checkout, number):
    root = pipeline(work=SLEEP).root
    code = f"""
import signal
from pathlib import Path
from prefect import flow, task
from tasks.checkout import Checkout
from tasks.dvc_stage import run_stage

# even if the tests run in the background of a shell, which ignores interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)

@flow
def one():
    return task(run_stage)("work", Checkout(Path({str(root)!r})))

one()
"""
    server = {"PREFECT_API_URL": str(get_current_settings().api.url)}
    process = subprocess.Popen([sys.executable, "-c", code], cwd=checkout, env={**os.environ, **server})
    processes(Checkout(root))
    process.send_signal(number)
    assert process.wait(30) != 0
    assert_gone(Checkout(root))


def test_a_stage_is_pruned_when_its_watch_returns_true(pipeline):
    code = SPEAK + "emit(kind='epoch', epoch=1)\nemit(kind='epoch', epoch=2)\n" + SLEEP
    checkout = pipeline(work=code)
    seen: list[int] = []

    def watch(event: dict[str, Any]) -> bool:
        seen.append(event["epoch"])
        return event["epoch"] == 2

    @flow
    def watched() -> State[Any]:
        return copy_state(task(run_stage)("work", checkout, watch=watch, return_state=True))

    state = watched(return_state=True)
    assert (state.type, state.name, seen) == ("COMPLETED", "Pruned", [1, 2])
    assert not (checkout.root / "work.txt").exists()
    assert_gone(checkout)
