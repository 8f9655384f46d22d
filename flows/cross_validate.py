"""The flow `cross_validate`: k trainings on shared features, out-of-fold figures, and the fold ensemble as a model.

python -m flows.cross_validate --help
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer
from prefect import flow, unmapped
from prefect.client.schemas.objects import State
from prefect.states import Completed
from rich.console import Console
from rich.text import Text

from facegender.params.reading import read_params
from facegender.params.sections import CrossValidateParams
from flows.command import HoursPerStage, run_command
from flows.feature_stages import run_to_features
from flows.options import CrossValidateOptions
from flows.running import hold_checkout, name_run, report_failures
from flows.task_runners import make_runner
from tasks.checkout import Checkout
from tasks.cross_validation import (
    PIPELINE,
    SOURCE,
    cross_validate,
    enable_pipeline,
    fold_features,
    read_figures,
    train_folds,
)
from tasks.dvc_stage import read_status
from tasks.estimates import format_estimate
from tasks.fold import STOP, fold
from tasks.record_data import record_data
from tasks.states import require_completed


def name_cross_validation_run() -> str:
    """Name a run: "cross_validate 2026-11-23 · a1b2c3d"."""
    return name_run("cross_validate", Checkout(Path.cwd()).commit)


@flow(
    name="cross_validate",
    flow_run_name=name_cross_validation_run,
    description="Every row is judged by a model that did not train on it.",
)
@report_failures
def cross_validation(options: CrossValidateOptions = CrossValidateOptions()) -> State[Any]:  # noqa: B008 - frozen
    """Bring cross_validate/dvc.yaml up to date, with the stages of dvc.yaml that it needs. Each fold is a task.

    params.yaml sets the number of folds, how many run at a time, and the task runner. Labels are gender as perceived
    by annotators.
    """
    root = Path.cwd()
    params = read_params(root / "params.yaml").cross_validate
    runner = make_runner(params)
    with hold_checkout(root, options.hours_per_stage) as checkout:
        enable_pipeline(root)
        recorded = record_data(checkout, return_state=True)
        prepared = run_to_features(checkout, [recorded])
        extended = fold_features(checkout, return_state=True, wait_for=prepared[-1:])
        require_completed(recorded, *prepared, extended)
        trained = train_every_fold(checkout, params, runner)
        require_completed(*trained)
        gathered = train_folds(checkout, return_state=True, wait_for=trained)
        judged = cross_validate(checkout, return_state=True, wait_for=[gathered])
        require_completed(gathered, judged)
        return Completed(message=f"Out-of-fold accuracy {format_estimate(read_figures(checkout)['accuracy'])}")


def train_every_fold(checkout: Checkout, params: CrossValidateParams, runner: Any) -> list[State[Any]]:
    """Run every fold as a task and return their states; an empty list if DVC has them all."""
    if read_status(checkout, f"{PIPELINE}:train_folds") == {}:
        return []
    if params.task_runner != "threads":  # its processes cannot inherit a descriptor
        checkout = replace(checkout, lock=None)
    STOP.clear()
    with runner:
        numbers = list(range(params.folds))
        futures = runner.map(fold, {"number": numbers, "checkout": unmapped(checkout)})
        try:
            for future in futures:
                future.wait()
        except BaseException:
            STOP.set()  # before the runner waits for its threads
            raise
        return [future.state for future in futures]


def main(
    hours_per_stage: HoursPerStage = 24.0,
) -> None:
    """Train and validate on every fold, and print the result. A killed run resumes with the folds that are missing.

    `dvc repro cross_validate/dvc.yaml` would give the same files. Telemetry is off.

    Exit codes: 0; 2 after a mistake of yours, whose message says how to fix it; 1 after any other failure.
    """

    def show(console: Console, state: State[Any]) -> None:
        where = Checkout(Path.cwd()).files.cross_validation.relative_to(Path.cwd())
        console.print(Text(f"{state.message}\n{where}/model is the fold ensemble."))

    run_command(cross_validation, CrossValidateOptions(hours_per_stage=hours_per_stage), show, needs=SOURCE)


if __name__ == "__main__":
    typer.run(main)
