"""The flow `cross_validate`: k trainings on shared features, out-of-fold figures, and the fold ensemble as a model.

python -m flows.cross_validate --help
"""

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from prefect import flow, tags, unmapped
from prefect.client.schemas.objects import State
from prefect.states import Completed

from facegender.errors import UserError
from facegender.params.reading import read_params
from facegender.params.sections import CrossValidateParams
from flows.options import CrossValidateOptions
from flows.running import at_work, disk_told
from flows.task_runners import make_runner
from tasks.checkout import Checkout
from tasks.cross_validation import (
    PIPELINE,
    SOURCE,
    cross_validate,
    fold_features,
    read_figures,
    switch_on,
    train_folds,
)
from tasks.dvc_stage import carried, failed, status
from tasks.evaluate import estimate
from tasks.features import features
from tasks.fold import STOP, fold
from tasks.record_data import record_data
from tasks.split import split
from tasks.validate import validate


def run_name() -> str:
    """ "cross_validate 2026-11-23 · a1b2c3d" """
    return " · ".join(filter(None, [f"cross_validate {date.today().isoformat()}", Checkout(Path.cwd()).commit]))


@flow(name="cross_validate", flow_run_name=run_name, description="Every row judged by a model that has not seen it.")
@disk_told
def cross_validation(options: CrossValidateOptions = CrossValidateOptions()) -> State[Any]:  # noqa: B008 - frozen
    """Bring cross_validate/dvc.yaml up to date, with what it needs of dvc.yaml; its folds are tasks of their own.

    How many, how many at a time and on which task runner stands in params.yaml. Labels are gender as perceived by
    annotators.
    """
    root = Path.cwd()
    try:
        params = read_params(root / "params.yaml").cross_validate
        runner = make_runner(params)
    except UserError as error:
        return failed(str(error), by_user=True)
    with at_work(root) as lock:
        switch_on(root)
        checkout = Checkout(root, lock, options.hours_per_stage * 3600)
        recorded = record_data(checkout, return_state=True)
        validated = validate(checkout, return_state=True, wait_for=[recorded])
        divided = split(checkout, return_state=True, wait_for=[validated])
        computed = features(checkout, return_state=True, wait_for=[validated, divided])
        extended = fold_features(checkout, return_state=True, wait_for=[computed])
        for state in (recorded, validated, divided, computed, extended):
            if not state.is_completed():
                return carried(state)
        trained = train_every_fold(checkout, params, runner)
        for state in trained:
            if not state.is_completed():
                return carried(state)
        gathered = train_folds(checkout, return_state=True, wait_for=trained)
        judged = cross_validate(checkout, return_state=True, wait_for=[gathered])
        for state in (gathered, judged):
            if not state.is_completed():
                return carried(state)
        return Completed(message=f"Out-of-fold accuracy {estimate(read_figures(checkout)['accuracy'])}")


def train_every_fold(checkout: Checkout, params: CrossValidateParams, runner: Any) -> list[State[Any]]:
    """The folds as task runs; none where DVC has them all already."""
    if status(checkout, f"{PIPELINE}:train_folds") == {}:
        return []
    if params.task_runner != "threads":  # other processes, which have no descriptor of ours
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
    hours_per_stage: Annotated[
        float, typer.Option(min=0.001, help="A stage or fold that takes longer is ended, and the run fails.")
    ] = 24.0,
) -> None:
    """Train and validate on every fold, and print what was reached; finished folds of a killed run are kept.

    `dvc repro cross_validate/dvc.yaml` would give the same files. Nobody else is told: telemetry is off.

    Ends with 0, with 2 after a mistake that its message tells how to mend, with 1 after anything else.
    """
    from flows.command import exit_code, recorded, where_to_look

    if not Path(SOURCE).is_file():
        raise typer.BadParameter(f"There is no {SOURCE} in this folder: start it in a checkout of the repository.")
    with recorded(), tags("cross_validate", "by hand"):
        state = cross_validation(CrossValidateOptions(hours_per_stage=hours_per_stage), return_state=True)
    where = Checkout(Path.cwd()).files.cross_validation.relative_to(Path.cwd())
    text = (
        f"{state.message}\n{where}/model is the fold ensemble." if state.is_completed() else f"Error: {state.message}"
    )
    typer.echo(f"\n{text}\nLabels are gender as perceived by annotators.\n{where_to_look(state)}")
    sys.exit(exit_code(state))


if __name__ == "__main__":
    typer.run(main)
