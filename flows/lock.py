"""One run at a time in a checkout; the others wait."""

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
LOG_EVERY_S = 60.0


@contextmanager
def hold_lock(root: Path, holder: str) -> Iterator[int]:
    """Wait for the checkout's lock and hold it; yield its descriptor, for child processes to inherit.

    The kernel releases the lock when the last process that inherited the descriptor ends. So a lock never stays behind,
    and after a kill -9 of a flow the next run waits until the flow's stage has ended too.

    Parameters
    ----------
    root
        The checkout.
    holder
        Name of this run, for the log of runs that wait.
    """
    path = root / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        wait_for_lock(descriptor, root)
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"holder": holder, "process": os.getpid(), "since": since}).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def wait_for_lock(descriptor: int, root: Path) -> None:
    """Take the lock; every LOG_EVERY_S, log who holds it. The sleeps are short, so that a cancel takes effect."""
    logged = -LOG_EVERY_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() - logged >= LOG_EVERY_S:
                logged = time.monotonic()
                get_run_logger().info("Waiting: %s is in use by %s.", root, read_holder(descriptor))
            time.sleep(POLL_S)


def read_holder(descriptor: int) -> str:
    """Read who holds the lock; it may not have written its name yet."""
    text = os.pread(descriptor, 4096, 0)
    if not text:
        return "another run"
    holder = json.loads(text)
    return f"{holder['holder']} (process {holder['process']}, since {holder['since']})"
