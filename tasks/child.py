"""A child process in a group of its own. It ends with the `with` block, and also if this process is SIGKILLed."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tasks.checkout import Checkout

GUARD = Path(__file__).with_name("guard.py")
POLL_S = 0.5
GRACE_S = 8.0  # from SIGTERM to SIGKILL; a cancelled run must end within 10 s


class Child:
    """Starts a command; however the `with` block is left, the whole process group has ended by then.

    Parameters
    ----------
    command
        Program and arguments. The folder of this Python's programs comes first in PATH.
    checkout
        Where it runs. It inherits the checkout's lock, which is thus still held if this process is killed.
    variables
        To add to the environment.
    """

    def __init__(self, command: list[str], checkout: Checkout, variables: dict[str, str] | None = None) -> None:
        self.command = add_guard(command)
        self.checkout = checkout
        programs = str(Path(sys.executable).parent)
        path = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
        # the checkout's own code comes first: a worker whose deployment clones has another checkout's installed
        code = os.pathsep.join(filter(None, [str(checkout.root), os.environ.get("PYTHONPATH")]))
        own = {"PATH": path, "PYTHONPATH": code, "PYTHONUNBUFFERED": "1"}
        self.environment = {**os.environ, **own, **(variables or {})}
        self.returncode: int | None = None

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self.command,
            cwd=self.checkout.root,
            env=self.environment,
            stdin=subprocess.PIPE,  # closes when this process dies, which the guard notices
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=() if self.checkout.lock is None else (self.checkout.lock,),
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.returncode = self.process.poll()
            end_group(self.process)
        finally:
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe:
                    pipe.close()

    def lines(self) -> Iterator[str]:
        """Yield the lines of its output as they come; without output, an empty string every POLL_S seconds.

        The waits are short, so that a signal or a timeout takes effect at once.
        """
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while True:
                ended = self.process.poll() is not None  # ask before reading, so that its last output is read too
                if selector.select(0 if ended else POLL_S):
                    block = os.read(descriptor, 65536)
                    *whole, rest = (rest + block).replace(b"\r", b"\n").split(b"\n")
                    yield from (text for line in whole if (text := line.decode(errors="replace").rstrip()))
                    if not block:
                        break
                elif ended:  # a grandchild may keep the pipe open for ever
                    break
                yield ""
        if rest:
            yield rest.decode(errors="replace").rstrip()
        while self.process.poll() is None:
            yield ""
            time.sleep(POLL_S)


def add_guard(command: list[str]) -> list[str]:
    """Put a command under the guard, which ends it once the process at the other end of its stdin is gone."""
    return [sys.executable, "-I", "-S", str(GUARD), *command]


def end_group(leader: subprocess.Popen[bytes]) -> None:
    """End every process of the group that `leader` leads: SIGTERM, then SIGKILL for those left after GRACE_S."""
    for number, patience in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, GRACE_S)):
        with suppress(ProcessLookupError, PermissionError):  # macOS raises PermissionError for a group of zombies
            os.killpg(leader.pid, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            leader.poll()  # reaps it, or the group would seem alive
            if not group_lives(leader.pid):
                return
            time.sleep(0.05)


def group_lives(group: int) -> bool:
    """Return whether the process group has a process left."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
