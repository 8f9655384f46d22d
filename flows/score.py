"""The flow `score`: the champion scores new pictures; they are compared with the rows that it was validated on.

python -m flows.score --help
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from prefect import flow
from prefect.client.schemas.objects import State

from facegender.files.json_files import read_json
from flows.command import run_command
from flows.options import ScoreOptions
from flows.running import hold_checkout, name_run, report_failures, skip_if_overtaken
from tasks.checkout import Checkout
from tasks.registry import RECORD
from tasks.score import score as score_task
from tasks.states import copy_state


def name_score_run() -> str:
    """Name a run: "score 2026-11-24 · model v1.2.0"."""
    path = Checkout(Path.cwd()).files.champion / RECORD
    return name_run("score", f"model {read_json(path)['version']}" if path.is_file() else "")


@flow(
    name="score",
    flow_run_name=name_score_run,
    description="The champion scores new pictures; the run shows whether they have drifted.",
)
@report_failures
def score(options: ScoreOptions = ScoreOptions()) -> State[Any]:  # noqa: B008 - frozen
    """Score the new pictures of score.folder in params.yaml or, without such a folder, of test.csv.

    Ends Drifted, a state of type Completed, if the new pictures are beyond the limits in params.yaml. Labels are gender
    as perceived by annotators.
    """
    if (skipped := skip_if_overtaken()) is not None:
        return skipped
    with hold_checkout(Path.cwd(), options.hours_per_stage) as checkout:
        return copy_state(score_task(checkout, options.again, return_state=True))


def main(
    again: Annotated[bool, typer.Option("--again", help="Also score files that were scored before.")] = False,
) -> None:
    """Score the new pictures of score.folder in params.yaml or, without such a folder, of test.csv, by the champion.

    Writes predictions.parquet, drift.json and drift.svg into a new folder below artifacts/scores/. A file whose content
    was scored before is left out. Only the Prefect server records the run: telemetry is off.

    Exit codes: 0, also if the pictures have drifted; 2 after a mistake of yours, whose message says how to fix it; 1
    after any other failure.
    """
    run_command(score, ScoreOptions(again=again))


if __name__ == "__main__":
    typer.run(main)
