"""The runner of stages, against a real Prefect server, real DVC and real child processes."""

import io
import logging
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, task
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import State

from tasks.checkout import Checkout
from tasks.dvc_stage import StageError, carried, run_stage, status, was_killed

pytestmark = pytest.mark.usefixtures("prefect_server")


WRITE = "open('{0}.txt', 'w').write(open('input.txt').read())\n"


SPEAK = """
import json, os
def emit(**event):
    with open(os.environ["FACEGENDER_EVENTS"], "a") as file:
        file.write(json.dumps(event) + "\\n")
"""
SLEEP = """
import os, subprocess, sys, time
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", stubborn])
open("processes", "w").write(f"{os.getpgrp()} {child.pid}")
print("asleep", flush=True)
time.sleep(600)
"""


@task(retries=1, retry_condition_fn=was_killed)
def stage(name: str, checkout: Checkout) -> State[Any]:
    return run_stage(name, checkout)


@flow
def one_stage(name: str, checkout: Checkout) -> State[Any]:
    return carried(stage(name, checkout, return_state=True))


def run(name: str, checkout: Checkout) -> State[Any]:
    return one_stage(name, checkout, return_state=True)


def test_a_stage_runs_then_is_skipped_then_runs_again_when_its_input_changes(pipeline):
    checkout = pipeline(work=WRITE.format("work"))
    first = run("work", checkout)
    assert (first.type, first.name) == ("COMPLETED", "Completed")
    assert (checkout.root / "work.txt").read_text() == "1"
    second = run("work", checkout)
    assert (second.type, second.name) == ("COMPLETED", "Cached")
    (checkout.root / "input.txt").write_text("2")
    third = run("work", checkout)
    assert third.name == "Completed"
    assert (checkout.root / "work.txt").read_text() == "2"
    assert status(checkout) == {}


def test_outputs_restored_from_the_run_cache_count_as_cached(pipeline):
    checkout = pipeline(work=WRITE.format("work"))
    run("work", checkout)
    (checkout.root / "input.txt").write_text("2")
    run("work", checkout)
    (checkout.root / "input.txt").write_text("1")
    assert run("work", checkout).name == "Cached"
    assert (checkout.root / "work.txt").read_text() == "1"


def test_a_users_mistake_is_the_failure_message_as_it_stands(pipeline):
    message = "train.csv row 17: class must be one of 0, 1. Received: 'mle'."
    code = SPEAK + f"import sys\nopen('tries', 'a').write('x')\nemit(kind='error', message={message!r})\nsys.exit(2)\n"
    checkout = pipeline(work=code)
    state = run("work", checkout)
    assert (state.type, state.message) == ("FAILED", message)
    assert (checkout.root / "tries").read_text() == "x", "a user's mistake is not tried again"
    error = state.result(raise_on_failure=False)
    assert isinstance(error, StageError)
    assert error.by_user


@pytest.mark.parametrize(
    ("code", "limit", "message"), [("raise SystemExit(2)\n", None, "ended with"), (SLEEP, 5.0, "took longer than 5 s.")]
)
def test_a_failure_has_no_empty_traceback_in_its_log(pipeline, code: str, limit: float | None, message: str):
    checkout = replace(pipeline(work=code), seconds_per_stage=limit)
    said = io.StringIO()
    listener = logging.StreamHandler(said)
    logger = logging.getLogger("prefect.task_runs")

    @flow
    def once() -> State[Any]:
        return carried(task(run_stage)("work", checkout, return_state=True))

    logger.addHandler(listener)
    try:
        assert once(return_state=True).is_failed()
    finally:
        logger.removeHandler(listener)
    assert "Task run failed with state: " in said.getvalue()
    assert message in said.getvalue()
    assert "NoneType: None" not in said.getvalue()


def test_a_bug_shows_the_end_of_its_traceback(pipeline):
    state = run("work", pipeline(work="1 / 0\n"))
    assert state.is_failed()
    assert "ZeroDivisionError: division by zero" in state.message
    error = state.result(raise_on_failure=False)
    assert isinstance(error, StageError)
    assert not error.by_user


def test_a_full_disk_under_dvc_is_the_users_to_mend(pipeline):
    # the stage is done, and DVC finds no room for its outputs
    code = (
        "import sys\nprint(\"ERROR: unexpected error - [Errno 28] No space left on device: 'cache/f1'\")\nsys.exit(1)\n"
    )
    state = run("work", pipeline(work=code))
    assert state.message == (
        "cache/f1: there must be free disk space. Received: [Errno 28] No space left on device: 'cache/f1'. "
        "Free some space and run it again."
    )
    assert state.result(raise_on_failure=False).by_user


def test_a_killed_stage_is_tried_once_more(pipeline):
    code = "import os, signal\n" + "open('tries', 'a').write('x')\n" + "os.kill(os.getpid(), signal.SIGKILL)\n"
    checkout = pipeline(work=code)
    state = run("work", checkout)
    assert state.is_failed()
    assert (checkout.root / "tries").read_text() == "xx"


def test_earlier_outputs_stay_after_a_failure_in_a_later_stage(pipeline):
    checkout = pipeline(first=WRITE.format("first"), second="raise SystemExit(2)\n")
    assert run("first", checkout).is_completed()
    assert run("second", checkout).is_failed()
    assert (checkout.root / "first.txt").read_text() == "1"


def test_notes_become_the_states_message(pipeline):
    code = SPEAK + "emit(kind='note', message='resumed at epoch 3')\n" + WRITE.format("work")
    assert run("work", pipeline(work=code)).message == "resumed at epoch 3"


def test_a_stage_of_two_words_has_a_key_that_prefect_takes(pipeline):
    step = "emit(kind='progress', what='features', done=5, total=5, unit='views', rate=50.0, seconds_left=0.0)\n"
    state = run("fold_features", pipeline(fold_features=SPEAK + step + WRITE.format("fold_features")))
    assert state.is_completed()
    assert Artifact.get(key="progress-fold-features-features").description == "features: 5 of 5 views · 50 views/s"


def test_progress_moves_an_artifact_and_the_log_is_streamed(pipeline):
    step = "emit(kind='progress', what='pictures', done={}, total=200, unit='images', rate=50.0, seconds_left={})\n"
    code = SPEAK + "print('half way')\n" + step.format(100, 2.0) + step.format(200, 0.0) + WRITE.format("work")
    state = run("work", pipeline(work=code))
    artifact = Artifact.get(key="progress-work-pictures")
    assert artifact is not None
    assert artifact.data == 100.0
    assert artifact.description == "pictures: 200 of 200 images · 50 images/s"
    with get_client(sync_client=True) as client:
        wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[state.state_details.flow_run_id]))
        deadline = time.monotonic() + 20  # logs reach the server in batches
        while "half way" not in (said := [log.message for log in client.read_logs(wanted)]):
            assert time.monotonic() < deadline, said
            time.sleep(0.5)


def test_a_stage_that_is_not_there_is_a_failure(pipeline):
    state = run("nothing", pipeline(work=WRITE.format("work")))
    assert state.is_failed()
    assert "nothing" in state.message


def test_the_child_inherits_the_lock(pipeline, tmp_path: Path):
    checkout = pipeline(work=WRITE.format("work"))
    descriptor = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    try:
        assert run("work", replace(checkout, lock=descriptor)).is_completed()
    finally:
        os.close(descriptor)
