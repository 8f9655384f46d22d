"""The flow `retrain`: from what data/ holds to a model, its evaluation and a submission.

python -m flows.retrain --help
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed
from pydantic import JsonValue
from rich.console import Console
from rich.text import Text

from flows.changed_parameters import read_changes
from flows.command import HoursPerStage, require_file, run_command
from flows.options import RetrainOptions
from flows.running import hold_checkout, name_run, report_failures, skip_if_overtaken
from flows.summary import format_headline, publish, render_summary, summarise
from tasks import experiment
from tasks.checkout import Checkout
from tasks.dvc_stage import read_status
from tasks.evaluate import evaluate
from tasks.features import features
from tasks.promote import NOT_PROMOTED, promote
from tasks.record_data import record_data
from tasks.split import split
from tasks.states import CACHED, copy_state, failed_state, require_completed
from tasks.submit import submit
from tasks.train import train
from tasks.validate import validate

PIPELINE = ("data.dvc", "dvc.yaml")  # what this flow runs; cross-validation has its own pipeline


def name_retrain_run() -> str:
    """Name a run: "retrain 2026-11-23 · 8,000 faces · a1b2c3d"."""
    checkout = Checkout(Path.cwd())
    faces = sum(len(files) for _, _, files in os.walk(checkout.files.images))
    return name_run("retrain", f"{faces:,} faces", checkout.commit)


@flow(name="retrain", flow_run_name=name_retrain_run, description="Data to model, evaluation, submission, champion.")
@report_failures
def retrain(options: RetrainOptions = RetrainOptions()) -> State[Any]:  # noqa: B008 - frozen
    """Bring every stage of dvc.yaml in the current folder up to date; with nothing to do, this takes a second.

    Labels are gender as perceived by annotators.
    """
    if (skipped := skip_if_overtaken()) is not None:
        return skipped
    root = Path.cwd()
    changes = experiment.check_changes(root, options.set)
    with hold_checkout(root, options.hours_per_stage) as held:
        checkout = replace(held, up_to_date=read_status(held, *PIPELINE) == {})  # asked once, not by every task
        recorded = record_data(checkout, return_state=True)
        if changes:
            return try_out(checkout, recorded, changes)
        return finish(checkout, [recorded, *run_stages(checkout, recorded)])


def run_stages(checkout: Checkout, recorded: State[Any]) -> list[State[Any]]:
    """Run the stages of dvc.yaml in their order; return the state of each."""
    validated = validate(checkout, return_state=True, wait_for=[recorded])
    divided = split(checkout, return_state=True, wait_for=[validated])
    computed = features(checkout, return_state=True, wait_for=[validated, divided])
    trained = train(checkout, return_state=True, wait_for=[validated, divided, computed])
    evaluated = evaluate(checkout, return_state=True, wait_for=[validated, divided, computed, trained])
    submitted = submit(checkout, return_state=True, wait_for=[validated, trained, evaluated])
    return [validated, divided, computed, trained, evaluated, submitted]


def try_out(checkout: Checkout, recorded: State[Any], changes: dict[str, JsonValue]) -> State[Any]:
    """Run the stages with changed parameters, as a DVC experiment apart from the checkout's own files."""
    require_completed(recorded)
    apart = experiment.make_workspace(checkout, changes)
    require_completed(*run_stages(apart, recorded))
    headline = format_headline(summarise(apart))
    run, number = str(runtime.flow_run.name), str(runtime.flow_run.id)
    name = experiment.save_experiment(checkout, apart, experiment.slugify(changes), run, number)
    experiment.publish(name, changes, headline)
    return Completed(message=f"Experiment {name}: {headline}")


def finish(checkout: Checkout, states: list[State[Any]]) -> State[Any]:
    """Promote the model and return the run's final state, with the headline of what was reached."""
    require_completed(*states)
    if not checkout.up_to_date and (changed := read_status(checkout, *PIPELINE)) != {}:
        what = "DVC cannot tell what" if changed is None else ", ".join(sorted(changed))
        return failed_state(f"Something changed during the run: {what}. Run it again.", by_user=True)
    # evaluate and submit wait for the others; an edge from each would clutter the run's graph
    promoted = promote(checkout, return_state=True, wait_for=states[-2:])
    if not promoted.is_completed():
        return copy_state(promoted)
    summary = summarise(checkout)
    publish(summary)
    headline = f"{format_headline(summary)}. {promoted.message}"
    get_run_logger().info(headline)
    if all(state.name == CACHED for state in [*states, promoted]):
        return Completed(message=f"Nothing has changed. {headline}")
    return Completed(name=NOT_PROMOTED if promoted.name == NOT_PROMOTED else None, message=headline)


def main(
    hours_per_stage: HoursPerStage = 24.0,
    changed: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Change a parameter of params.yaml for this run alone (train.epochs=5). The run becomes a DVC "
            "experiment and does not change params.yaml or dvc.lock. Repeatable.",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Use the values of a preset of params/ for this run alone; --set takes precedence."),
    ] = None,
) -> None:
    """Bring every stage of dvc.yaml up to date for the current data/, and print the result.

    Up-to-date stages are skipped; `dvc repro` would give the same files. Prefect records the run on the server that
    PREFECT_API_URL names, on this checkout's if it is running (make ui, make deploy), or else in the database below
    .prefect/. Nothing is sent anywhere else: telemetry is off.

    Exit codes: 0; 2 after a mistake of yours, whose message says how to fix it; 1 after any other failure.
    """
    require_file()  # presets are files of the checkout too
    options = RetrainOptions(hours_per_stage=hours_per_stage, set=read_changes(preset, changed or []))

    def show(console: Console, state: State[Any]) -> None:
        console.print(Text(str(state.message)) if options.set else render_summary(summarise(Checkout(Path.cwd()))))

    run_command(retrain, options, show)


if __name__ == "__main__":
    typer.run(main)
