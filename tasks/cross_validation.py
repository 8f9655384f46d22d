"""The stages of cross_validate/dvc.yaml as Prefect tasks."""

import json
import shutil
from pathlib import Path
from typing import Any, Final

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from facegender.files.atomic import atomic_file
from tasks.checkout import Checkout
from tasks.dvc_stage import run_stage, was_killed
from tasks.evaluate import estimate

PIPELINE: Final = "cross_validate/dvc.yaml"
SOURCE: Final = "cross_validate/pipeline.yaml"  # under a name that DVC does not look for


def switch_on(root: Path) -> None:
    """Let DVC see the pipeline, which it then lists in `dvc status` too."""
    if (root / PIPELINE).is_file() and (root / PIPELINE).read_bytes() == (root / SOURCE).read_bytes():
        return
    with atomic_file(root / PIPELINE) as file:
        shutil.copyfile(root / SOURCE, file)


@task(task_run_name="fold_features", cache_policy=NO_CACHE, retries=1, retry_condition_fn=was_killed)
def fold_features(checkout: Checkout) -> State[Any]:
    """Augment the validation rows too, which train in a cross-validation."""
    return run_stage("fold_features", checkout, PIPELINE)


@task(task_run_name="train_folds", cache_policy=NO_CACHE, retries=1, retry_condition_fn=was_killed)
def train_folds(checkout: Checkout) -> State[Any]:
    """Gather the trained folds, and let DVC record them."""
    return run_stage("train_folds", checkout, PIPELINE)


@task(task_run_name="cross_validate", cache_policy=NO_CACHE, retries=1, retry_condition_fn=was_killed)
def cross_validate(checkout: Checkout) -> State[Any]:
    """Judge every row by the fold that has not seen it; join the folds into one model."""
    state = run_stage("cross_validate", checkout, PIPELINE)
    if state.is_completed():
        figures = read_figures(checkout)
        rows = [f"| {fold} | {estimate(each['accuracy'])} |" for fold, each in figures["folds"].items()]
        markdown = [f"# Out-of-fold accuracy {estimate(figures['accuracy'])}", ""]
        markdown += ["Labels are gender as perceived by annotators.", "", "| fold | accuracy |", "|---|---|", *rows]
        create_markdown_artifact(
            markdown="\n".join(markdown),
            key="cross-validation",
            description=f"Out-of-fold accuracy {estimate(figures['accuracy'])}",
        )
    return state


def read_figures(checkout: Checkout) -> dict[str, Any]:
    """metrics.json of the out-of-fold predictions."""
    path = checkout.files.cross_validation / "evaluation" / "metrics.json"
    figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return figures
