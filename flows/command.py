"""`python -m flows.retrain`: the flow from a terminal."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from prefect import Flow, tags
from prefect.client.schemas.objects import State
from rich.console import Console
from rich.text import Text

from flows.database import make_ready
from flows.summary import as_text, summarise
from tasks.checkout import Checkout
from tasks.dvc_stage import StageError


def main(retrain: Flow[[float], State[Any]]) -> None:
    """Run the command for the flow."""

    def run(
        hours_per_stage: Annotated[
            float, typer.Option(min=0.001, help="A stage that takes longer is ended, and the run fails.")
        ] = 24.0,
    ) -> None:
        """Bring every stage of dvc.yaml up to date for what data/ holds now, and print what was reached.

        Stages that nothing has changed for are skipped; `dvc repro` would give the same files. The run is recorded by
        Prefect: in a database of its own below .prefect/, or on the server that PREFECT_API_URL names. Nobody else is
        told: telemetry is off.

        Ends with 0, with 2 after a mistake that its message tells how to mend, with 1 after anything else.
        """
        if not Path("dvc.yaml").is_file():
            raise typer.BadParameter("There is no dvc.yaml in this folder: start it in a checkout of the repository.")
        make_ready()
        with tags("retrain", "by hand"):
            state = retrain(hours_per_stage, return_state=True)
        sys.exit(say(state))

    typer.run(run)


def say(state: State[Any]) -> int:
    """Print what the run has reached, or why it failed; the exit status."""
    console = Console(stderr=not state.is_completed(), highlight=False, soft_wrap=True)
    console.print()
    if state.is_completed():
        console.print(as_text(summarise(Checkout(Path.cwd()))))
        console.print("\nLabels are gender as perceived by annotators. No telemetry was sent.")
    else:
        console.print(Text.assemble(("Error: ", "bold red"), str(state.message)))
    console.print(where_to_look(state))
    return exit_code(state)


def exit_code(state: State[Any]) -> int:
    """0; 2 after a user's mistake, 1 after any other failure."""
    if state.is_completed():
        return 0
    error = state.result(raise_on_failure=False)
    return 2 if isinstance(error, StageError) and error.by_user else 1


def where_to_look(state: State[Any]) -> str:
    """How to open this run in the Prefect UI."""
    server = os.environ.get("PREFECT_API_URL", "http://127.0.0.1:4200/api").removesuffix("/api")
    page = f"{server}/runs/flow-run/{state.state_details.flow_run_id}"
    return f"This run: {page}" + ("" if "PREFECT_API_URL" in os.environ else " (start the UI with `make ui`)")
