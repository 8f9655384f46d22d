"""The flow `retrain`: from what data/ holds to a model, its evaluation and a submission.

python -m flows.retrain --help
"""

import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed
from pydantic import JsonValue

from facegender.errors import UserError
from flows.options import RetrainOptions
from flows.running import SKIPPED, at_work, disk_told, overtaken
from flows.summary import headline, publish, summarise
from tasks import experiment
from tasks.checkout import Checkout
from tasks.dvc_stage import carried, failed, status
from tasks.evaluate import evaluate
from tasks.features import features
from tasks.promote import NOT_PROMOTED, promote
from tasks.record_data import record_data
from tasks.split import split
from tasks.submit import submit
from tasks.train import train
from tasks.validate import validate

PIPELINE = ("data.dvc", "dvc.yaml")  # all of this flow; the cross-validation has a pipeline of its own


def run_name() -> str:
    """ "retrain 2026-11-23 · 8,000 faces · a1b2c3d" """
    checkout = Checkout(Path.cwd())
    images = checkout.files.images
    faces = sum(len(files) for _, _, files in os.walk(images))
    return " · ".join(filter(None, [f"retrain {date.today().isoformat()}", f"{faces:,} faces", checkout.commit]))


@flow(name="retrain", flow_run_name=run_name, description="Data to model, evaluation, submission, champion.")
@disk_told
def retrain(options: RetrainOptions = RetrainOptions()) -> State[Any]:  # noqa: B008 - frozen
    """Bring every stage of the current folder's dvc.yaml up to date; what is up to date already costs a second.

    Labels are gender as perceived by annotators.
    """
    if later := overtaken():
        return Completed(name=SKIPPED, message=f"{later} was due after it, and does the work of both.")
    root = Path.cwd()
    try:
        changes = experiment.check(root, options.set)
    except UserError as error:
        return failed(str(error), by_user=True)
    with at_work(root) as lock:
        checkout = Checkout(root, lock, options.hours_per_stage * 3600)
        checkout = replace(checkout, up_to_date=status(checkout, *PIPELINE) == {})  # asked once, not by every task
        recorded = record_data(checkout, return_state=True)
        if changes:
            return try_out(checkout, recorded, changes)
        return finish(checkout, [recorded, *run_stages(checkout, recorded)])


def run_stages(checkout: Checkout, recorded: State[Any]) -> list[State[Any]]:
    """The stages of dvc.yaml, one under the other; the state of each."""
    validated = validate(checkout, return_state=True, wait_for=[recorded])
    divided = split(checkout, return_state=True, wait_for=[validated])
    computed = features(checkout, return_state=True, wait_for=[validated, divided])
    trained = train(checkout, return_state=True, wait_for=[validated, divided, computed])
    evaluated = evaluate(checkout, return_state=True, wait_for=[validated, divided, computed, trained])
    submitted = submit(checkout, return_state=True, wait_for=[validated, trained, evaluated])
    return [validated, divided, computed, trained, evaluated, submitted]


def try_out(checkout: Checkout, recorded: State[Any], changes: dict[str, JsonValue]) -> State[Any]:
    """The stages with changed parameters, as a DVC experiment beside the checkout's own files."""
    if not recorded.is_completed():
        return carried(recorded)
    try:
        apart = experiment.workspace(checkout, changes)
    except UserError as error:
        return failed(str(error), by_user=True)
    for state in run_stages(apart, recorded):
        if not state.is_completed():
            return carried(state)
    reached = headline(summarise(apart))
    subject = experiment.slug(changes)
    name = experiment.save(checkout, apart, subject, str(runtime.flow_run.name), str(runtime.flow_run.id))
    experiment.publish(name, changes, reached)
    return Completed(message=f"Experiment {name}: {reached}")


def finish(checkout: Checkout, states: list[State[Any]]) -> State[Any]:
    """Promote what was made, and give the run's final state: the first failure, or the headline of what was reached."""
    for state in states:
        if not state.is_completed():
            return carried(state)
    if not checkout.up_to_date and (changed := status(checkout, *PIPELINE)) != {}:
        return failed(f"Something changed while the run was at work: {describe(changed)}. Run it again.", by_user=True)
    # evaluate and submit stand behind the others; an edge from each would be a tangle in the run's graph
    promoted = promote(checkout, return_state=True, wait_for=states[-2:])
    if not promoted.is_completed():
        return carried(promoted)
    summary = summarise(checkout)
    publish(summary)
    reached = f"{headline(summary)}. {promoted.message}"
    get_run_logger().info(reached)
    if all(state.name == "Cached" for state in [*states, promoted]):
        return Completed(message=f"Nothing has changed. {reached}")
    return Completed(name=NOT_PROMOTED if promoted.name == NOT_PROMOTED else None, message=reached)


def describe(changed: dict[str, Any] | None) -> str:
    """What `dvc status` found, in words."""
    return "DVC cannot tell what" if changed is None else ", ".join(sorted(changed))


if __name__ == "__main__":
    from flows.command import main

    main(retrain)
