"""The one place that runs DVC: a stage is brought up to date in a child process, watched, and ended whole when asked."""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect.logging import get_run_logger
from prefect.states import Completed, Failed, State

from facegender import events
from tasks.checkout import Checkout
from tasks.child import Child
from tasks.progress import ProgressArtifact
from tasks.stage_events import StageEvents

LAST_LINES = 12  # of a stage that failed without a message of its own


class StageFailed(Exception):
    """A stage could not be brought up to date.

    Attributes
    ----------
    by_user
        Whether the message is for the user to act upon; otherwise it is the end of a traceback, a bug of ours.
    """

    def __init__(self, message: str, by_user: bool) -> None:
        super().__init__(message)
        self.by_user = by_user


def failed(message: str, by_user: bool) -> State[StageFailed]:
    """The state of a task that failed: its message is the message, with no traceback in front of it."""
    return Failed(message=message, data=StageFailed(message, by_user))


def carried(state: State[object]) -> State[object]:
    """A flow's final state that is the one its task ended with; the task's own would become "1/1 states failed"."""
    return State(type=state.type, name=state.name, message=state.message, data=state.result(raise_on_failure=False))


def run_stage(stage: str, checkout: Checkout) -> State[object]:
    """Run `dvc repro -s STAGE` and give the state that the task ends with.

    Returns
    -------
    State
        Completed; Cached where DVC had nothing to run; Failed with the user's message, or the last lines of a bug;
        TimedOut.
    """
    logger = get_run_logger()
    lines: list[str] = []
    start = time.monotonic()
    with TemporaryDirectory(prefix=f"{stage}-") as folder:
        journal = StageEvents(Path(folder) / "events.jsonl")
        progress = ProgressArtifact(stage)
        command = [sys.executable, "-m", "dvc", "repro", "--single-item", stage]
        with Child(command, checkout, {events.VARIABLE: str(journal.path)}) as child:
            for line in child.lines():
                if line:
                    lines.append(line)
                    logger.info(line)
                for event in journal.new():
                    progress.show(event)
                if checkout.seconds_per_stage is not None and time.monotonic() - start > checkout.seconds_per_stage:
                    return Failed(name="TimedOut", message=f"{stage} took longer than {checkout.seconds_per_stage:,g} s.")
        for event in journal.new():
            progress.show(event)
        if child.returncode != 0:
            return explain(stage, child.returncode, journal.error, lines)
    if not any(line.startswith(f"Running stage '{stage}'") for line in lines):
        return Completed(name="Cached", message="Nothing that this stage depends on has changed.")
    return Completed(message="; ".join(journal.notes) or None)


def dvc(checkout: Checkout, *arguments: str) -> tuple[int | None, str]:
    """Run a short DVC command to its end; its exit status and output."""
    with Child([sys.executable, "-m", "dvc", *arguments], checkout) as child:
        lines = [line for line in child.lines() if line]
    return child.returncode, "\n".join(lines)


def explain(stage: str, returncode: int | None, error: str | None, lines: list[str]) -> State[StageFailed]:
    """The failure's message: what the stage said to the user, or else the end of its output."""
    if error is not None:
        return failed(error, by_user=True)
    end = "\n".join(lines[-LAST_LINES:])
    return failed(f"`dvc repro --single-item {stage}` ended with {returncode}:\n{end}", by_user=False)
