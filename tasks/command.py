"""Runs a command in a watched child process and turns its end into a state."""

import logging
import math
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Completed

from facegender.errors import UserError, translate_os_error
from facegender.runtime import events
from tasks.checkout import Checkout
from tasks.child import Child
from tasks.progress import ProgressArtifact
from tasks.stage_events import StageEvents
from tasks.states import PRUNED, failed_state, timed_out_state

Watch = Callable[[dict[str, Any]], bool]

LAST_LINES = 12  # of a command that failed without a message for the user
SYSTEM_ERROR = re.compile(r"\[Errno (?P<number>\d+)\] (?P<text>[^:]+)(?:: '(?P<file>[^']+)')?")  # as Python writes it
KILLED = re.compile(r"failed to run: .*, exited with (-9|137)$")  # DVC's words; 137 is a shell's -9
# what TensorFlow and DVC print on every run; logged at DEBUG
NOISE = re.compile(
    r"WARNING: All log messages before absl|[IWE]0000 \d"
    r"|To track the changes with git|\s+git add |To enable auto staging|\s+dvc config core\.autostage"
    r"|Use `dvc push`|(Generating|Updating) lock file|Data and pipelines are up to date"
)


@dataclass(frozen=True)
class Ended:
    """A command that has ended.

    Attributes
    ----------
    returncode
        Its exit status.
    lines
        What it printed.
    error
        The message for the user that it left in its events, if any.
    notes
        Other messages that it left in its events.
    """

    returncode: int | None
    lines: list[str]
    error: str | None
    notes: list[str]


def follow(
    command: list[str], what: str, checkout: Checkout, stop: Event | None = None, watch: Watch | None = None
) -> Ended | State[Any]:
    """Run a command of this checkout to its end. Its output goes to the run's log, its progress to the UI.

    Parameters
    ----------
    what
        Name of its progress.
    stop
        Ends the command when set: signals do not reach the threads of a task runner.
    watch
        Receives every event; the command is ended early if it returns True.

    Returns
    -------
    Ended, or the state of a task that was ended: TimedOut, Cancelled, or by `watch` Pruned, a state of type Completed.
    """
    logger = get_run_logger()
    lines: list[str] = []
    limit = checkout.seconds_per_stage or math.inf
    start = time.monotonic()
    with TemporaryDirectory(prefix="stage-") as folder:
        journal = StageEvents(Path(folder) / "events.jsonl")
        progress = ProgressArtifact(what)
        with Child(command, checkout, {events.VARIABLE: str(journal.path)}) as child:
            for line in child.lines():
                if line:
                    lines.append(line)
                    logger.log(logging.DEBUG if NOISE.match(line) else logging.INFO, line)
                for event in journal.read_new():
                    progress.show(event)
                    if watch is not None and watch(event):
                        return Completed(name=PRUNED, message=f"{what} was ended early.")
                if time.monotonic() - start > limit:
                    return timed_out_state(f"{what} took longer than {limit:,g} s.")
                if stop is not None and stop.is_set():
                    return Cancelled(message=f"{what} was cancelled with its run.")
        for event in journal.read_new():
            progress.show(event)
            if watch is not None:
                watch(event)
        return Ended(child.returncode, lines, journal.error, journal.notes)


def explain_failure(command: str, ended: Ended) -> State[Any]:
    """Return the Failed state of a command: its message for the user, or else the end of its output."""
    if ended.error is not None:
        return failed_state(ended.error, by_user=True)
    if (told := find_disk_error(ended.lines)) is not None:
        return failed_state(str(told), by_user=True)
    end = "\n".join(ended.lines[-LAST_LINES:])
    killed = ended.returncode == -signal.SIGKILL or any(KILLED.search(line) for line in ended.lines)
    return failed_state(f"`{command}` ended with {ended.returncode}:\n{end}", by_user=False, killed=killed)


def find_disk_error(lines: list[str]) -> UserError | None:
    """Find a full disk or a missing permission in a command's output; DVC reports both as text."""
    for line in reversed(lines):
        if found := SYSTEM_ERROR.search(line):
            return translate_os_error(OSError(int(found["number"]), found["text"], found["file"]))
    return None
