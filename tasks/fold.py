"""One fold of a cross-validation as a Prefect task: a child process that any of several task runners may start."""

import sys
from threading import Event
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed

from tasks.checkout import Checkout
from tasks.dvc_stage import Ended, StageError, explain, follow

STOP = Event()  # set by a flow that ends before its folds: their threads hear no signal


def worth_another_try(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whatever ended a fold but a user's mistake or its run's end: it resumes behind its last epoch."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, StageError) and not error.by_user


@task(task_run_name="fold {number}", cache_policy=NO_CACHE, retries=1, retry_condition_fn=worth_another_try)
def fold(number: int, checkout: Checkout) -> State[Any]:
    """Train one fold and leave it for the stage `train_folds`; one that is finished already ends at once."""
    command = [sys.executable, "-m", "facegender", "train-folds", "--fold", str(number)]
    ended = follow(command, f"fold-{number}", checkout, STOP)
    if not isinstance(ended, Ended):
        return ended
    if ended.returncode != 0:
        return explain(f"facegender train-folds --fold {number}", ended)
    return Completed()
