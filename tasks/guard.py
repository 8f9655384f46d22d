"""Runs a command and ends it with its parent: `python guard.py COMMAND ...`, with stdin a pipe from the parent.

The pipe closes when the parent ends, also if it is SIGKILLed. The guard then ends the whole process group that it
leads. It imports the standard library alone, so that it costs 20 ms.
"""

import os
import select
import signal
import subprocess
import sys
import time

GRACE_S = 8.0  # from SIGTERM to SIGKILL


def main(command: list[str]) -> int:
    """Run the command and return its exit status; 128 plus the signal's number if it was killed."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)  # without a handler the descriptor is not written
    # it inherits the descriptors passed to the guard, such as the run's lock
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False)
    while process.poll() is None:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
        if 0 in ready and not os.read(0, 4096):
            end_group(process)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End this process group: SIGTERM, then after at most GRACE_S SIGKILL, the guard included."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
