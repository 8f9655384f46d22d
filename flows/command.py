"""A flow as a command: recorded by Prefect, its result printed, its outcome the exit code."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from prefect import Flow, tags
from prefect.client.schemas.objects import State
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, temporary_settings
from rich.console import Console
from rich.text import Text

from flows.embedded_server import use_server
from flows.options import Options
from flows.server_address import find_api_url, get_address, get_page
from tasks.artifacts import PERCEIVED
from tasks.states import StageError

DRAIN_S = 20.0
WIDTH = 200  # of tables, if the output is not a terminal

HoursPerStage = Annotated[
    float, typer.Option(min=0.001, help="A stage or fold that takes longer is ended, and the run fails.")
]
OptionsT = TypeVar("OptionsT", bound=Options)
Show = Callable[[Console, State[Any]], None]


def show_message(console: Console, state: State[Any]) -> None:
    """Print the message in which the run ended."""
    console.print(Text(str(state.message)))


def run_command(
    run: Flow[[OptionsT], State[Any]],
    options: OptionsT,
    show: Show = show_message,
    needs: str = "dvc.yaml",
    refused: str | None = None,
) -> NoReturn:
    """Run a flow, print what it reached or why it failed, and exit.

    The exit code is 0, 2 after a user's mistake, or 1 after any other failure.

    Parameters
    ----------
    show
        Prints the result of a completed run.
    needs
        A file that the current folder must have.
    refused
        Name of a Completed state that exits with 1.
    """
    require_file(needs)
    with record_runs(), tags(run.name, "by hand"):
        state = run(options, return_state=True)
        print_outcome(state, show)
    sys.exit(get_exit_code(state, refused))


def require_file(name: str = "dvc.yaml") -> None:
    """Raise BadParameter if the current folder lacks a file of the checkout."""
    if not Path(name).is_file():
        raise typer.BadParameter(f"There is no {name} in this folder. Run this in a checkout of the repository.")


@contextmanager
def record_runs() -> Iterator[None]:
    """Record the runs of the block on the server that is running, or on an embedded one, to their last line."""
    with use_server() as url, temporary_settings({PREFECT_API_URL: url}):
        yield
        for worker in (APILogWorker, EventsWorker):  # before an embedded server ends
            worker.drain_all(timeout=DRAIN_S)


def print_outcome(state: State[Any], show: Show) -> None:
    """Print the result to stdout, or the error to stderr, and where to look."""
    done = state.is_completed()
    width = None if sys.stdout.isatty() else WIDTH
    console = Console(stderr=not done, highlight=False, soft_wrap=True, width=width)
    console.print()
    if done:
        show(console, state)
        console.print(f"\n{PERCEIVED} No telemetry was sent.")
    else:
        console.print(Text.assemble(("Error: ", "bold red"), str(state.message)))
    console.print(describe_page(state))


def describe_page(state: State[Any]) -> str:
    """Say where the Prefect UI shows this run."""
    running = find_api_url()
    host, port = get_address()
    server = get_page(running) if running else f"http://{host}:{port}"
    link = f"{server}/runs/flow-run/{state.state_details.flow_run_id}"
    return f"This run: {link}" + ("" if running else " (start the UI with `make ui`)")


def get_exit_code(state: State[Any], refused: str | None = None) -> int:
    """Return 0, 2 after a user's mistake, or 1 after any other failure and for the Completed state named `refused`."""
    if state.is_completed():
        return int(refused is not None and state.name == refused)
    error = state.result(raise_on_failure=False)
    return 2 if isinstance(error, StageError) and error.by_user else 1
