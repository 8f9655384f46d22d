"""The Prefect task of a stage: its name, its retry, no cache of Prefect's."""

from collections.abc import Callable
from typing import Any, ParamSpec

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from tasks.states import was_killed

P = ParamSpec("P")
RetryCondition = Callable[[Task[..., Any], TaskRun, State[Any]], bool]


def stage_task(
    name: str, retry_if: RetryCondition | None = was_killed
) -> Callable[[Callable[P, State[Any]]], Task[P, State[Any]]]:
    """Make a Prefect task of a function that runs a stage and returns its state.

    Prefect caches nothing: DVC decides what is up to date.

    Parameters
    ----------
    name
        Of the task's runs. It may name arguments of the function: "fold {number}".
    retry_if
        When a failed run is retried, once; None: never.
    """
    retries = 0 if retry_if is None else 1
    return task(task_run_name=name, cache_policy=NO_CACHE, retries=retries, retry_condition_fn=retry_if)
