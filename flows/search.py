"""The flow `search`: the study of `facegender search`, with each trial a DVC experiment.

python -m flows.search --help
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from prefect import flow, runtime
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import JsonValue
from rich.console import Console
from rich.text import Text

from facegender.files.layout import Layout
from facegender.params.reading import read_params
from facegender.search.report import as_records, as_rich, caution, format_accuracy, to_adopt, trials_of, write_best
from facegender.search.space import check_space
from facegender.search.study import Finished, Pruned, Report, Search
from flows.command import HoursPerStage, run_command
from flows.feature_stages import run_to_features
from flows.options import SearchOptions
from flows.running import hold_checkout, name_run, report_failures
from tasks import experiment
from tasks.checkout import Checkout
from tasks.evaluate import evaluate
from tasks.progress import ProgressArtifact
from tasks.record_data import record_data
from tasks.states import PRUNED, require_completed
from tasks.submit import submit
from tasks.train import read_history, train_watched


def name_search_run() -> str:
    """Name a run: "search 2026-11-23 · a1b2c3d"."""
    return name_run("search", Checkout(Path.cwd()).commit)


@flow(
    name="search",
    flow_run_name=name_search_run,
    description="Looks for better training parameters; each trial is a DVC experiment.",
)
@report_failures
def search(options: SearchOptions = SearchOptions()) -> State[Any]:  # noqa: B008 - frozen
    """Bring features up to date and run the trials that are missing from search.trials; params.yaml does not change.

    Labels are gender as perceived by annotators.
    """
    root = Path.cwd()
    params = read_params(root / "params.yaml")
    check_space(params)
    with hold_checkout(root, options.hours_per_stage) as checkout:
        recorded = record_data(checkout, return_state=True)
        require_completed(recorded, *run_to_features(checkout, [recorded]))
        trials = options.trials or params.search.trials
        progress = ProgressArtifact("search")
        with Search(checkout.files, params) as study:

            def run_trial(number: int, changes: dict[str, JsonValue], report: Report) -> Finished:
                show_progress(progress, len(study.ended), trials)
                return try_out(checkout, number, changes, report)

            study.run(trials, run_trial)
            show_progress(progress, trials, trials)
            found = trials_of(study)
        write_best(found, checkout.files)
        create_table_artifact(table=as_records(found), key="search", description=caution(found, params))
        best = found[0].accuracy
        return Completed(message=f"Best of {len(found)} trials: {format_accuracy(best)}, n = {best.n:,}")


def try_out(checkout: Checkout, number: int, changes: dict[str, JsonValue], report: Report) -> Finished:
    """Run one trial: every stage in a workspace with its parameters, ended early if the study prunes it."""

    def watch(event: dict[str, Any]) -> bool:
        return event["kind"] == "epoch" and report(event)

    apart = experiment.make_workspace(checkout, changes)
    prepared = run_to_features(apart)
    trained = train_watched(apart, watch, return_state=True, wait_for=prepared[-1:])
    require_completed(*prepared, trained)
    if trained.name == PRUNED:
        raise Pruned
    evaluated = evaluate(apart, return_state=True, wait_for=[trained])
    submitted = submit(apart, return_state=True, wait_for=[evaluated])
    require_completed(evaluated, submitted)
    history = read_history(apart)
    run, run_number = str(runtime.flow_run.name), str(runtime.flow_run.id)
    return Finished(history, experiment.save_experiment(checkout, apart, f"search-trial-{number}", run, run_number))


def show_progress(progress: ProgressArtifact, done: int, total: int) -> None:
    """Show on the run's page how many trials have ended."""
    event = {"what": "search", "done": done, "total": total, "unit": "trials", "rate": None, "seconds_left": None}
    progress.show({"kind": "progress", **event})


def main(
    trials: Annotated[
        int | None,
        typer.Option(
            min=1, help="Total number, including trials of earlier runs.", show_default="search.trials of params.yaml"
        ),
    ] = None,
    hours_per_stage: HoursPerStage = 24.0,
) -> None:
    """Look for better training parameters in search.space of params.yaml; each finished trial is a DVC experiment.

    `dvc exp show` lists the trials with parameters and metrics; `dvc exp apply NAME` adopts one, with model and report.
    A pruned trial has no model and so leaves no experiment; the table lists it. A killed search resumes. `facegender
    search` continues the same study faster, and keeps figures alone. params.yaml does not change.

    Exit codes: 0; 2 after a mistake of yours, whose message says how to fix it; 1 after any other failure.
    """
    run_command(search, SearchOptions(hours_per_stage=hours_per_stage, trials=trials), show_study)


def show_study(console: Console, state: State[Any]) -> None:
    """Print the study's table and how to adopt its best trial."""
    params = read_params(Path("params.yaml"))
    with Search(Layout(), params) as study:
        found = trials_of(study)
    console.print(as_rich(found, caution(found, params)), soft_wrap=False)
    console.print(Text(f"\n{to_adopt(found, Layout())}"))


if __name__ == "__main__":
    typer.run(main)
