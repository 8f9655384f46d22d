"""The flow `score`: what is new, scored by the champion and compared with what the champion was validated on.

python -m flows.score --help
"""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from prefect import flow, tags
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.options import ScoreOptions
from flows.running import SKIPPED, at_work, disk_told, overtaken
from tasks.checkout import Checkout
from tasks.dvc_stage import carried
from tasks.registry import RECORD
from tasks.score import score as score_task


def run_name() -> str:
    """ "score 2026-11-24 · model v1.2.0" """
    path = Checkout(Path.cwd()).files.champion / RECORD
    serving = f"model {json.loads(path.read_text(encoding='utf-8'))['version']}" if path.is_file() else ""
    return " · ".join(filter(None, [f"score {date.today().isoformat()}", serving]))


@flow(name="score", flow_run_name=run_name, description="What is new, by the champion; and whether it has drifted.")
@disk_told
def score(options: ScoreOptions = ScoreOptions()) -> State[Any]:  # noqa: B008 - frozen
    """Score what is new in score.folder of params.yaml or, without such a folder, of test.csv.

    Ends Drifted, a state of type Completed, where the new pictures are beyond the limits of params.yaml. Labels are
    gender as perceived by annotators.
    """
    if later := overtaken():
        return Completed(name=SKIPPED, message=f"{later} was due after it, and does the work of both.")
    root = Path.cwd()
    with at_work(root) as lock:
        checkout = Checkout(root, lock, options.hours_per_stage * 3600)
        return carried(score_task(checkout, options.again, return_state=True))


def main(
    again: Annotated[bool, typer.Option("--again", help="Files whose content has been scored before, too.")] = False,
) -> None:
    """Score what is new in score.folder of params.yaml or, without such a folder, of test.csv, with the champion.

    Leaves a folder below artifacts/scores/ with predictions.parquet, drift.json and drift.svg. What has been scored, as
    told by its content, is not scored again. Nobody is told but Prefect's server at hand: telemetry is off.

    Ends with 0, also where the pictures have drifted, with 2 after a mistake that its message tells how to mend, with 1
    after anything else.
    """
    from flows.command import exit_code, recorded, where_to_look

    if not Path("dvc.yaml").is_file():
        raise typer.BadParameter("There is no dvc.yaml in this folder: start it in a checkout of the repository.")
    with recorded(), tags("score", "by hand"):
        state = score(ScoreOptions(again=again), return_state=True)
    text = str(state.message) if state.is_completed() else f"Error: {state.message}"
    typer.echo(f"\n{text}\nLabels are gender as perceived by annotators.\n{where_to_look(state)}")
    sys.exit(exit_code(state))


if __name__ == "__main__":
    typer.run(main)
