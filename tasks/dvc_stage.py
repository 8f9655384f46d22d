"""The one place that runs DVC: in a child process that is watched and, when asked, ended whole."""

import json
import logging
import math
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Completed, Failed

from facegender.errors import UserError, translate_os_error
from facegender.runtime import events
from tasks.checkout import Checkout
from tasks.child import Child
from tasks.progress import ProgressArtifact
from tasks.stage_events import StageEvents

PRUNED = "Pruned"
Watch = Callable[[dict[str, Any]], bool]

ENGINE_LOG = logging.getLogger("prefect.flow_runs")
TASK_LOG = logging.getLogger("prefect.task_runs")
LAST_LINES = 12  # of a stage that failed without a message of its own
SYSTEM_ERROR = re.compile(r"\[Errno (?P<number>\d+)\] (?P<text>[^:]+)(?:: '(?P<file>[^']+)')?")  # as Python writes it
KILLED = re.compile(r"failed to run: .*, exited with (-9|137)$")  # DVC's words; 137 is a shell's -9
# TensorFlow's and DVC's standing remarks: in the run's log only for who asks for DEBUG
NOISE = re.compile(
    r"WARNING: All log messages before absl|[IWE]0000 \d"
    r"|To track the changes with git|\s+git add |To enable auto staging|\s+dvc config core\.autostage"
    r"|Use `dvc push`|(Generating|Updating) lock file|Data and pipelines are up to date"
)


class StageError(Exception):
    """A stage could not be brought up to date.

    Attributes
    ----------
    by_user
        Whether the message is for the user to act upon; otherwise it is the end of a traceback, a bug of ours.
    killed
        Whether the stage was ended from outside: for want of memory, as a rule.
    """

    def __init__(self, message: str, by_user: bool, killed: bool = False) -> None:
        super().__init__(message)
        self.by_user = by_user
        self.killed = killed


def told_once(record: logging.LogRecord) -> bool:
    """Whether a record may go into a run's log: not Prefect's traceback to a failure whose message the state holds.

    Under a worker its engine raises the error of the final state once more, and logs that as unexpected.
    """
    return not (record.exc_info and isinstance(record.exc_info[1], StageError))


def without_empty_traceback(record: logging.LogRecord) -> bool:
    """Takes out the "NoneType: None" of a failure that was returned: Prefect logs the exception under way, of none."""
    if record.exc_info and record.exc_info[0] is None:
        record.exc_info = None
    return True


def failed(message: str, by_user: bool, killed: bool = False) -> State[Any]:
    """The state of a task that failed: its message is the message, with no traceback in front of it."""
    ENGINE_LOG.addFilter(told_once)
    TASK_LOG.addFilter(without_empty_traceback)
    return Failed(message=message, data=StageError(message, by_user, killed))


def was_killed(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether a failed task is worth another try: a stage that was killed resumes where it stood."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, StageError) and error.killed


def carried(state: State[Any]) -> State[Any]:
    """A flow's final state that is the one its task ended with; the task's own would become "1/1 states failed"."""
    ENGINE_LOG.addFilter(told_once)  # here too: a task runner's processes are others
    return State(type=state.type, name=state.name, message=state.message, data=state.result(raise_on_failure=False))


def run_stage(stage: str, checkout: Checkout, pipeline: str | None = None, watch: Watch | None = None) -> State[Any]:
    """Run `dvc repro -s STAGE` and give the state that the task ends with; `pipeline`: another file than dvc.yaml.

    Returns
    -------
    State
        Completed; Cached where DVC had nothing to run; Failed with the user's message, or the last lines of a bug;
        TimedOut.
    """
    if checkout.up_to_date:
        return unchanged()
    address = stage if pipeline is None else f"{pipeline}:{stage}"
    ended = follow([sys.executable, "-m", "dvc", "repro", "--single-item", address], stage, checkout, watch=watch)
    if isinstance(ended, State):
        return ended
    if ended.returncode != 0:
        return explain(f"dvc repro --single-item {address}", ended)
    if not any(line.startswith(f"Running stage '{address}'") for line in ended.lines):
        return unchanged()
    return Completed(message="; ".join(ended.notes) or None)


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit status, what it printed, and what it told in its events."""

    returncode: int | None
    lines: list[str]
    error: str | None
    notes: list[str]


def follow(
    command: list[str], what: str, checkout: Checkout, stop: Event | None = None, watch: Watch | None = None
) -> Ended | State[Any]:
    """Run a command of this checkout to its end, its lines in the run's log, its progress in the UI.

    Parameters
    ----------
    what
        Names its progress.
    stop
        Ends it when set: in a thread of a task runner no signal arrives.
    watch
        Is told every event; ends it by True.

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
                for event in journal.new():
                    progress.show(event)
                    if watch is not None and watch(event):
                        return Completed(name=PRUNED, message=f"{what} was ended early.")
                if time.monotonic() - start > limit:
                    TASK_LOG.addFilter(without_empty_traceback)
                    return Failed(name="TimedOut", message=f"{what} took longer than {limit:,g} s.")
                if stop is not None and stop.is_set():
                    return Cancelled(message=f"{what} was ended with its run.")
        for event in journal.new():
            progress.show(event)
            if watch is not None:
                watch(event)
        return Ended(child.returncode, lines, journal.error, journal.notes)


def unchanged() -> State[Any]:
    """The state of a task whose stage had nothing to do."""
    return Completed(name="Cached", message="Nothing that this stage depends on has changed.")


def status(checkout: Checkout, *targets: str) -> dict[str, Any] | None:
    """What has changed since it was recorded, by stage; {} where nothing has, None where DVC cannot tell."""
    code, output = dvc(checkout, "status", "--json", *targets)
    if code != 0:
        return None
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def dvc(checkout: Checkout, *arguments: str) -> tuple[int | None, str]:
    """Run a short DVC command to its end; its exit status and output."""
    with Child([sys.executable, "-m", "dvc", *arguments], checkout) as child:
        lines = [line for line in child.lines() if line]
    return child.returncode, "\n".join(lines)


def of_the_disk(lines: list[str]) -> UserError | None:
    """A full disk or a folder that may not be written, where a command's output tells of one, as DVC's does."""
    for line in reversed(lines):
        if found := SYSTEM_ERROR.search(line):
            return translate_os_error(OSError(int(found["number"]), found["text"], found["file"]))
    return None


def explain(command: str, ended: Ended) -> State[Any]:
    """The failure's message: what the command said to the user, or else the end of its output."""
    if ended.error is not None:
        return failed(ended.error, by_user=True)
    if (told := of_the_disk(ended.lines)) is not None:
        return failed(str(told), by_user=True)
    end = "\n".join(ended.lines[-LAST_LINES:])
    killed = ended.returncode == -signal.SIGKILL or any(KILLED.search(line) for line in ended.lines)
    return failed(f"`{command}` ended with {ended.returncode}:\n{end}", False, killed)
