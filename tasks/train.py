"""Stage `train` as a Prefect task: shows the epochs."""

import csv
from typing import Any

from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State

from tasks.checkout import Checkout
from tasks.command import Watch
from tasks.dvc_stage import run_stage
from tasks.stage_task import stage_task


@stage_task("train")
def train(checkout: Checkout) -> State[Any]:
    """Train the head, then the last layers."""
    state = run_stage("train", checkout)
    if state.is_completed():
        epochs = read_history(checkout)
        create_table_artifact(table=epochs, key="history", description="Loss and accuracy at every epoch")
    return state


@stage_task("train")
def train_watched(checkout: Checkout, watch: Watch) -> State[Any]:
    """Train a trial of a search. `watch` receives every event of the training and may end it early."""
    return run_stage("train", checkout, watch=watch)


def read_history(checkout: Checkout) -> list[dict[str, Any]]:
    """Read the model's history.csv: one row an epoch."""
    with (checkout.files.model / "history.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
