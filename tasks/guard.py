"""Runs a command for as long as its parent lives: `python guard.py COMMAND ...`, stdin being a pipe from the parent.

The pipe closes when the parent ends, be it by kill -9, and then the whole process group that this process leads is
ended. Nothing but the standard library is imported, so that it costs 20 ms.
"""

import os
import select
import signal
import subprocess
import sys
import time

GRACE_S = 8.0  # from SIGTERM to SIGKILL


def main(command: list[str]) -> int:
    """Run the command; its exit status, 128 and the signal's number for one that was killed."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)  # without a handler nothing is woken
    # what we were given to hold for it, such as the run's lock, it inherits
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False)
    while process.poll() is None:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
        if 0 in ready and not os.read(0, 4096):
            end(process)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def end(process: subprocess.Popen[bytes]) -> None:
    """End our group: SIGTERM, then SIGKILL, ourselves included, for what is left after GRACE_S."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
