"""One fold of a cross-validation as a Prefect task: a child process that any task runner may start."""

import sys
from threading import Event
from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed

from tasks.checkout import Checkout
from tasks.command import Ended, explain_failure, follow
from tasks.stage_task import stage_task
from tasks.states import StageError

STOP = Event()  # set by a flow that ends before its folds: no signal reaches their threads


def is_worth_retrying(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Return whether a failed fold should be retried, from its last epoch: always, except after a user's mistake."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, StageError) and not error.by_user


@stage_task("fold {number}", retry_if=is_worth_retrying)
def fold(number: int, checkout: Checkout) -> State[Any]:
    """Train one fold and leave it for the stage `train_folds`; a finished one ends at once."""
    command = [sys.executable, "-m", "facegender", "train-folds", "--fold", str(number)]
    ended = follow(command, f"fold-{number}", checkout, STOP)
    if not isinstance(ended, Ended):
        return ended
    if ended.returncode != 0:
        return explain_failure(f"facegender train-folds --fold {number}", ended)
    return Completed()
