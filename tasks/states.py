"""How tasks and flows end: the states that they return, with the user's message and no traceback."""

import logging
from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed, Failed

# names of states of type Completed
CACHED = "Cached"
PRUNED = "Pruned"

FLOW_LOG = logging.getLogger("prefect.flow_runs")
TASK_LOG = logging.getLogger("prefect.task_runs")


class StageError(Exception):
    """A stage could not be brought up to date.

    Attributes
    ----------
    by_user
        The user can act on the message. Otherwise it is the end of a traceback: a bug of ours.
    killed
        The stage was killed from outside, usually because memory ran out.
    """

    def __init__(self, message: str, by_user: bool, killed: bool = False) -> None:
        super().__init__(message)
        self.by_user = by_user
        self.killed = killed


class NotCompletedError(Exception):
    """A task of a flow did not complete; the flow is to end in the same state.

    Attributes
    ----------
    state
        The state in which the task ended.
    """

    def __init__(self, state: State[Any]) -> None:
        super().__init__(state.message)
        self.state = state


def failed_state(message: str, by_user: bool, killed: bool = False) -> State[Any]:
    """Return a Failed state with this very message; Prefect itself would put a traceback in front of it."""
    FLOW_LOG.addFilter(drop_repeated_failure)
    TASK_LOG.addFilter(drop_empty_traceback)
    return Failed(message=message, data=StageError(message, by_user, killed))


def timed_out_state(message: str) -> State[Any]:
    """Return a Failed state named TimedOut."""
    TASK_LOG.addFilter(drop_empty_traceback)
    return Failed(name="TimedOut", message=message)


def unchanged_state() -> State[Any]:
    """Return the state of a task whose stage had nothing to do."""
    return Completed(name=CACHED, message="Nothing that this stage depends on has changed.")


def copy_state(state: State[Any]) -> State[Any]:
    """Copy a task's final state, for its flow to end in.

    A flow that returns the task's own state ends with the message "1/1 states failed".
    """
    FLOW_LOG.addFilter(drop_repeated_failure)  # again: a task may have failed in another process, a task runner's
    return State(type=state.type, name=state.name, message=state.message, data=state.result(raise_on_failure=False))


def require_completed(*states: State[Any]) -> None:
    """Raise NotCompletedError with the first state that is not Completed."""
    for state in states:
        if not state.is_completed():
            raise NotCompletedError(state)


def was_killed(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Return whether a failed task should be retried: a killed stage resumes its unfinished work."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, StageError) and error.killed


def drop_repeated_failure(record: logging.LogRecord) -> bool:
    """Drop Prefect's traceback of a failure whose message is already in the state.

    Under a worker, Prefect's engine raises the error of the final state again and logs it as unexpected.
    """
    return not (record.exc_info and isinstance(record.exc_info[1], StageError))


def drop_empty_traceback(record: logging.LogRecord) -> bool:
    """Remove the line "NoneType: None", which Prefect logs for a failure that was returned and not raised."""
    if record.exc_info and record.exc_info[0] is None:
        record.exc_info = None
    return True
