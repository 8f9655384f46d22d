"""The stages of cross_validate/dvc.yaml as Prefect tasks."""

import shutil
from pathlib import Path
from typing import Any, Final

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State

from facegender.files.atomic import atomic_file
from facegender.files.json_files import read_json
from tasks.artifacts import PERCEIVED
from tasks.checkout import Checkout
from tasks.dvc_stage import run_stage
from tasks.estimates import format_estimate
from tasks.stage_task import stage_task

PIPELINE: Final = "cross_validate/dvc.yaml"
SOURCE: Final = "cross_validate/pipeline.yaml"  # DVC does not look for this name


def enable_pipeline(root: Path) -> None:
    """Copy the pipeline to where DVC sees it; `dvc status` lists it from then on."""
    if (root / PIPELINE).is_file() and (root / PIPELINE).read_bytes() == (root / SOURCE).read_bytes():
        return
    with atomic_file(root / PIPELINE) as file:
        shutil.copyfile(root / SOURCE, file)


@stage_task("fold_features")
def fold_features(checkout: Checkout) -> State[Any]:
    """Augment the validation rows too: in a cross-validation they train other folds."""
    return run_stage("fold_features", checkout, PIPELINE)


@stage_task("train_folds")
def train_folds(checkout: Checkout) -> State[Any]:
    """Gather the trained folds, and let DVC record them."""
    return run_stage("train_folds", checkout, PIPELINE)


@stage_task("cross_validate")
def cross_validate(checkout: Checkout) -> State[Any]:
    """Judge every row by the fold that did not train on it; join the folds into one model."""
    state = run_stage("cross_validate", checkout, PIPELINE)
    if state.is_completed():
        figures = read_figures(checkout)
        headline = f"Out-of-fold accuracy {format_estimate(figures['accuracy'])}"
        rows = [f"| {fold} | {format_estimate(each['accuracy'])} |" for fold, each in figures["folds"].items()]
        create_markdown_artifact(
            markdown="\n".join([f"# {headline}", "", PERCEIVED, "", "| fold | accuracy |", "|---|---|", *rows]),
            key="cross-validation",
            description=headline,
        )
    return state


def read_figures(checkout: Checkout) -> dict[str, Any]:
    """Read metrics.json of the out-of-fold predictions."""
    return read_json(checkout.files.cross_validation / "evaluation" / "metrics.json")
