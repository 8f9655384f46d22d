"""One run at a time in a checkout: the others queue up."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from prefect.logging import get_run_logger

LOCK = Path(".dvc/tmp/run.lock")
POLL_S = 0.5
SAY_EVERY_S = 60.0


@contextmanager
def held(root: Path, holder: str) -> Iterator[int]:
    """Wait for the checkout's lock and hold it; gives its descriptor, for child processes to inherit.

    The kernel lets go of the lock when the last process that inherited the descriptor ends. After a kill -9 of a flow
    its stage thus still keeps the next run waiting, and no lock is ever left behind.

    Parameters
    ----------
    root
        The checkout.
    holder
        Who we are, for those who wait.
    """
    path = root / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        wait_for(descriptor, root)
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"holder": holder, "process": os.getpid(), "since": since}).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def wait_for(descriptor: int, root: Path) -> None:
    """Take the lock, saying now and then who has it meanwhile. Short sleeps, so that a cancel is acted upon."""
    said = -SAY_EVERY_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() - said >= SAY_EVERY_S:
                said = time.monotonic()
                get_run_logger().info("Waiting: %s is being worked on by %s.", root, who(descriptor))
            time.sleep(POLL_S)


def who(descriptor: int) -> str:
    """The holder in words, as far as it has said."""
    text = os.pread(descriptor, 4096, 0)
    if not text:
        return "another run"
    holder = json.loads(text)
    return f"{holder['holder']} (process {holder['process']}, since {holder['since']})"
