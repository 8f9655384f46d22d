"""The flow `search`: the study of `facegender search`, each trial a DVC experiment.

python -m flows.search --help
"""

import csv
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from prefect import flow, runtime, tags
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import JsonValue
from rich.console import Console

from facegender.files.layout import Layout
from facegender.params.reading import read_params
from facegender.search.report import (
    Trial,
    as_records,
    as_rich,
    caution,
    format_accuracy,
    to_adopt,
    trials_of,
    write_best,
)
from facegender.search.space import check_space
from facegender.search.study import Finished, Pruned, Report, Search
from flows.options import SearchOptions
from flows.running import at_work, disk_told
from tasks import experiment
from tasks.checkout import Checkout
from tasks.dvc_stage import PRUNED, carried
from tasks.evaluate import evaluate
from tasks.features import features
from tasks.progress import ProgressArtifact
from tasks.record_data import record_data
from tasks.split import split
from tasks.submit import submit
from tasks.train import train_watched
from tasks.validate import validate


class TrialError(Exception):
    """A stage of a trial did not end well; `state` says how."""

    def __init__(self, state: State[Any]) -> None:
        super().__init__(state.message)
        self.state = state


def run_name() -> str:
    """ "search 2026-11-23 · a1b2c3d" """
    return " · ".join(filter(None, [f"search {date.today().isoformat()}", Checkout(Path.cwd()).commit]))


@flow(name="search", flow_run_name=run_name, description="Better training parameters, each trial a DVC experiment.")
@disk_told
def search(options: SearchOptions = SearchOptions()) -> State[Any]:  # noqa: B008 - frozen
    """Bring features up to date and run the trials that search.trials still lacks; params.yaml stays as it is.

    Labels are gender as perceived by annotators.
    """
    root = Path.cwd()
    params = read_params(root / "params.yaml")
    check_space(params)
    with at_work(root) as lock:
        checkout = Checkout(root, lock, options.hours_per_stage * 3600)
        recorded = record_data(checkout, return_state=True)
        validated = validate(checkout, return_state=True, wait_for=[recorded])
        divided = split(checkout, return_state=True, wait_for=[validated])
        computed = features(checkout, return_state=True, wait_for=[validated, divided])
        for state in (recorded, validated, divided, computed):
            if not state.is_completed():
                return carried(state)
        trials = options.trials or params.search.trials
        progress = ProgressArtifact("search")
        try:
            with Search(checkout.files, params) as study:

                def run_trial(number: int, changes: dict[str, JsonValue], report: Report) -> Finished:
                    show(progress, len(study.ended), trials)
                    return try_out(checkout, number, changes, report)

                study.run(trials, run_trial)
                show(progress, trials, trials)
                found = trials_of(study)
        except TrialError as ended:
            return carried(ended.state)
        write_best(found, checkout.files)
        said = caution(found, params)
        create_table_artifact(table=as_records(found), key="search", description=said)
        return Completed(
            message=f"Best of {len(found)} trials: {format_accuracy(found[0].accuracy)}, n = {found[0].accuracy.n:,}"
        )


def try_out(checkout: Checkout, number: int, changes: dict[str, JsonValue], report: Report) -> Finished:
    """One trial: every stage in a workspace with its parameters, ended early where the study says so."""

    def watch(event: dict[str, Any]) -> bool:
        return event["kind"] == "epoch" and report(event)

    apart = experiment.workspace(checkout, changes)
    validated = well(validate(apart, return_state=True))
    divided = well(split(apart, return_state=True, wait_for=[validated]))
    computed = well(features(apart, return_state=True, wait_for=[validated, divided]))
    trained = well(train_watched(apart, watch, return_state=True, wait_for=[computed]))
    if trained.name == PRUNED:
        raise Pruned
    evaluated = well(evaluate(apart, return_state=True, wait_for=[trained]))
    well(submit(apart, return_state=True, wait_for=[evaluated]))
    with (apart.files.model / "history.csv").open(encoding="utf-8", newline="") as file:
        history = list(csv.DictReader(file))
    run, run_number = str(runtime.flow_run.name), str(runtime.flow_run.id)
    return Finished(history, experiment.save(checkout, apart, f"search-trial-{number}", run, run_number))


def well(state: State[Any]) -> State[Any]:
    """The state of a stage that has ended well."""
    if not state.is_completed():
        raise TrialError(state)
    return state


def show(progress: ProgressArtifact, done: int, total: int) -> None:
    """How many trials have ended, on the run's page."""
    event = {"what": "search", "done": done, "total": total, "unit": "trials", "rate": None, "seconds_left": None}
    progress.show({"kind": "progress", **event})


def main(
    trials: Annotated[
        int | None, typer.Option(min=1, help="In all, those of earlier runs included.", show_default="search.trials")
    ] = None,
    hours_per_stage: Annotated[
        float, typer.Option(min=0.001, help="A stage that takes longer is ended, and the run fails.")
    ] = 24.0,
) -> None:
    """Look for better training parameters in search.space of params.yaml, each finished trial a DVC experiment.

    `dvc exp show` lists them with parameters and metrics; `dvc exp apply NAME` takes one over, with model and report. A
    pruned trial leaves no experiment, for it has no model; it stands in the table. `facegender search` goes on with the
    same study, faster, and keeps figures alone. A killed search goes on where it stood. params.yaml stays as it is.

    Ends with 0, with 2 after a mistake that its message tells how to mend, with 1 after anything else.
    """
    from flows.command import exit_code, recorded, where_to_look

    if not Path("dvc.yaml").is_file():
        raise typer.BadParameter("There is no dvc.yaml in this folder: start it in a checkout of the repository.")
    with recorded(), tags("search", "by hand"):
        state = search(SearchOptions(hours_per_stage=hours_per_stage, trials=trials), return_state=True)
    if state.is_completed():
        tell()
    else:
        typer.echo(f"\nError: {state.message}", err=True)
    typer.echo(where_to_look(state))
    sys.exit(exit_code(state))


def tell() -> None:
    """Print the study's table and how to go on."""
    params = read_params(Path("params.yaml"))
    with Search(Layout(), params) as study:
        found: list[Trial] = trials_of(study)
    Console(width=None if sys.stdout.isatty() else 200).print(as_rich(found, caution(found, params)))
    typer.echo(f"\n{to_adopt(found, Layout())}\n")


if __name__ == "__main__":
    typer.run(main)
