"""Stage `features` as a Prefect task: shows the size of the features on disk."""

from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State

from tasks.checkout import Checkout
from tasks.dvc_stage import run_stage
from tasks.stage_task import stage_task


@stage_task("features")
def features(checkout: Checkout) -> State[Any]:
    """Run the frozen part of the backbone over every image and view."""
    state = run_stage("features", checkout)
    if state.is_completed():
        size = measure_folder(checkout.files.features) / 1e6
        create_markdown_artifact(
            markdown=f"Outputs of the backbone's frozen part: {size:,.1f} MB on disk.",
            key="features",
            description="Computed once, used by every training",
        )
    return state


def measure_folder(folder: Path) -> int:
    """Add up the sizes of all files below a folder, in bytes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
