"""The task of a stage, and the check of the states in which tasks end."""

from typing import Any

import pytest
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.stage_task import stage_task
from tasks.states import NotCompletedError, failed_state, require_completed, was_killed


@stage_task("stage {number}")
def stage(number: int) -> State[Any]:
    return Completed() if number == 0 else failed_state(f"stage {number} failed", by_user=True)


def test_a_killed_stage_is_retried_once_and_prefect_caches_nothing():
    assert (stage.task_run_name, stage.retries, stage.retry_condition_fn) == ("stage {number}", 1, was_killed)
    assert stage.cache_policy == NO_CACHE
    never = stage_task("step", retry_if=None)(lambda: Completed())
    assert (never.retries, never.retry_condition_fn) == (0, None)


def test_the_first_state_that_is_not_completed_is_raised():
    require_completed(Completed(), Completed(name="Cached"))
    first, second = failed_state("one", by_user=True), failed_state("two", by_user=False)
    with pytest.raises(NotCompletedError) as caught:
        require_completed(Completed(), first, second)
    assert caught.value.state is first
