"""`python -m flows.retrain`: the flow from a terminal."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from prefect import Flow, tags
from prefect.client.schemas.objects import State
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, temporary_settings
from rich.console import Console
from rich.text import Text

from facegender.errors import UserError
from facegender.params.presets import read_preset
from flows.options import PARAMETER_NAME, RetrainOptions
from flows.server import address, at_hand, named_or_running, page
from flows.summary import as_text, summarise
from tasks.checkout import Checkout
from tasks.dvc_stage import StageError

DRAIN_S = 20.0


def main(retrain: Flow[[RetrainOptions], State[Any]]) -> None:
    """Run the command for the flow."""

    def run(
        hours_per_stage: Annotated[
            float, typer.Option(min=0.001, help="A stage that takes longer is ended, and the run fails.")
        ] = 24.0,
        changed: Annotated[
            list[str] | None,
            typer.Option(
                "--set",
                metavar="NAME=VALUE",
                help="For this run alone, in the names of params.yaml (train.epochs=5): it runs as a DVC experiment "
                "and leaves params.yaml and dvc.lock alone. Can be given several times.",
            ),
        ] = None,
        preset: Annotated[
            str | None,
            typer.Option(help="For this run alone, the values of a preset of params/, as --set would; --set adds."),
        ] = None,
    ) -> None:
        """Bring every stage of dvc.yaml up to date for what data/ holds now, and print what was reached.

        Stages that nothing has changed for are skipped; `dvc repro` would give the same files. The run is recorded by
        Prefect: on the server that PREFECT_API_URL names, on this checkout's where it is running (make ui, make
        deploy), or else in the database below .prefect/. Nobody else is told: telemetry is off.

        Ends with 0, with 2 after a mistake that its message tells how to mend, with 1 after anything else.
        """
        if not Path("dvc.yaml").is_file():
            raise typer.BadParameter("There is no dvc.yaml in this folder: start it in a checkout of the repository.")
        changes = preset_values(preset) | dict(map(assignment, changed or []))
        options = RetrainOptions(hours_per_stage=hours_per_stage, set=changes)
        with recorded(), tags("retrain", "by hand"):
            state = retrain(options, return_state=True)
            code = say(state, experiment=bool(options.set))
        sys.exit(code)

    typer.run(run)


def preset_values(name: str | None) -> dict[str, Any]:
    """What the preset sets, none without one; a wrong name ends the command."""
    try:
        return {} if name is None else dict(read_preset(name, Path("params.yaml")))
    except UserError as error:
        raise typer.BadParameter(str(error)) from None


def assignment(text: str) -> tuple[str, Any]:
    """(name, value) of "train.epochs=5"; the value is read as YAML, as in params.yaml."""
    name, sign, value = text.partition("=")
    try:
        if not sign or not re.fullmatch(PARAMETER_NAME, name):
            raise ValueError
        return name, yaml.safe_load(value)
    except (ValueError, yaml.YAMLError):
        expected = "must be NAME=VALUE with a name of params.yaml, such as train.epochs=5"
        raise typer.BadParameter(f"--set {expected}. Received: {text}") from None


@contextmanager
def recorded() -> Iterator[None]:
    """Runs inside are recorded by the server at hand, to their last line."""
    with at_hand() as url, temporary_settings({PREFECT_API_URL: url}):
        yield
        for worker in (APILogWorker, EventsWorker):  # before a server that is here for this block alone goes
            worker.drain_all(timeout=DRAIN_S)


def say(state: State[Any], experiment: bool) -> int:
    """Print what the run has reached, or why it failed; the exit status."""
    console = Console(stderr=not state.is_completed(), highlight=False, soft_wrap=True)
    console.print()
    if state.is_completed():
        console.print(str(state.message) if experiment else as_text(summarise(Checkout(Path.cwd()))))
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
    there = named_or_running()
    host, port = address()
    server = page(there) if there else f"http://{host}:{port}"
    link = f"{server}/runs/flow-run/{state.state_details.flow_run_id}"
    return f"This run: {link}" + ("" if there else " (start the UI with `make ui`)")
