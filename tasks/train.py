"""Stage `train` as a Prefect task: shows the epochs."""

import csv
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from tasks.checkout import Checkout
from tasks.dvc_stage import Watch, run_stage, was_killed


@task(task_run_name="train", cache_policy=NO_CACHE, retries=1, retry_condition_fn=was_killed)
def train(checkout: Checkout) -> State[Any]:
    """Train the head, then the last layers."""
    state = run_stage("train", checkout)
    if state.is_completed():
        with (checkout.files.model / "history.csv").open(encoding="utf-8", newline="") as file:
            epochs = list(csv.DictReader(file))
        create_table_artifact(table=epochs, key="history", description="Loss and accuracy at every epoch")
    return state


@task(task_run_name="train", cache_policy=NO_CACHE, retries=1, retry_condition_fn=was_killed)
def train_watched(checkout: Checkout, watch: Watch) -> State[Any]:
    """Train a trial of a search, which `watch` may end early: it is told every event of the training."""
    return run_stage("train", checkout, watch=watch)
