"""One run at a time in a checkout; the others wait."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from prefect import flow

from flows.lock import hold_lock

pytestmark = pytest.mark.usefixtures("prefect_server")


@flow
def second(root: Path) -> float:
    with hold_lock(root, "second"):
        return time.monotonic()


def test_the_second_run_waits_and_logs_for_whom(tmp_path, caplog):
    line = f"Waiting: {tmp_path} is in use by first (process {os.getpid()}, since "
    released: list[float] = []
    inside = threading.Event()

    def logged() -> bool:
        return any(message.startswith(line) for message in caplog.messages)

    def first() -> None:
        with hold_lock(tmp_path, "first"):
            inside.set()
            deadline = time.monotonic() + 60  # a busy machine takes seconds to begin the second run
            while not logged() and time.monotonic() < deadline:
                time.sleep(0.1)
            released.append(time.monotonic())

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(60)
    entered = second(tmp_path)
    thread.join()
    assert entered >= released[0]
    assert logged()


def test_a_child_that_inherits_the_lock_keeps_it_after_its_parent(tmp_path):
    with hold_lock(tmp_path, "parent") as descriptor:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3)"], pass_fds=[descriptor])
    start = time.monotonic()
    second(tmp_path)
    assert child.poll() is not None or time.monotonic() - start > 2.5
    child.wait()


def test_a_lock_is_free_again_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), hold_lock(tmp_path, "first"):
        1 / 0  # noqa: B018
    assert second(tmp_path) > 0
