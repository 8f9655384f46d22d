"""Stage `features` as a Prefect task: shows what was computed and what it takes on disk."""

from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from tasks.checkout import Checkout
from tasks.dvc_stage import run_stage, was_killed


@task(task_run_name="features", cache_policy=NO_CACHE, retries=1, retry_condition_fn=was_killed)
def features(checkout: Checkout) -> State[Any]:
    """Run the frozen part of the backbone over every image and view."""
    state = run_stage("features", checkout)
    if state.is_completed():
        create_markdown_artifact(
            markdown=f"The frozen part's outputs: {size_on_disk(checkout.files.features) / 1e6:,.1f} MB on disk.",
            key="features",
            description="Computed once, trained on many times",
        )
    return state


def size_on_disk(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
