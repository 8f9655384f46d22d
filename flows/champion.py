"""The champion, the model that `score` uses: shows it and its versions, promotes another one, rolls back.

python -m flows.champion --help
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from prefect import flow
from prefect.client.schemas.objects import State
from rich.console import Console
from rich.table import Table

from facegender.errors import UserError
from facegender.files.json_files import read_json
from flows.command import run_command
from flows.options import PromoteOptions, RollbackOptions
from flows.running import hold_checkout, name_run, report_failures
from tasks import registry
from tasks.checkout import Checkout
from tasks.dvc_stage import read_status
from tasks.estimates import format_estimate
from tasks.promote import NOT_PROMOTED, promote
from tasks.roll_back import roll_back
from tasks.states import copy_state, failed_state

app = typer.Typer(
    help="The champion is the model that `python -m flows.score` uses. A retraining makes its model the champion if it "
    "is not worse on the same validation rows; these commands let a person decide otherwise. Each version is a git tag "
    "(model@v1.2.0) with its dvc.lock, data.dvc, params.yaml and code; DVC's cache or remote has its files. To share "
    "versions: git push --tags, dvc push --all-tags. Labels are gender as perceived by annotators.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@flow(
    name="promote",
    flow_run_name=lambda: name_run("promote"),
    description="The last step of a retraining, by hand: the model in artifacts/ becomes the champion if it is not "
    "worse on the same validation rows.",
)
@report_failures
def promote_by_hand(options: PromoteOptions = PromoteOptions()) -> State[Any]:  # noqa: B008 - frozen
    """Decide whether the model in artifacts/ becomes the champion."""
    with hold_checkout(Path.cwd()) as checkout:
        if read_status(checkout, "data.dvc", "dvc.yaml") != {}:
            return failed_state("artifacts/ is not up to date with data and parameters. Retrain first: make run.", True)
        return copy_state(promote(checkout, options.anyway, return_state=True))


@flow(
    name="rollback",
    flow_run_name=lambda: name_run("rollback"),
    description="An earlier version becomes the champion again.",
)
@report_failures
def rollback_by_hand(options: RollbackOptions = RollbackOptions()) -> State[Any]:  # noqa: B008 - frozen
    """Make the named version the champion, or the one before the champion."""
    with hold_checkout(Path.cwd()) as checkout:
        return copy_state(roll_back(checkout, options.version, return_state=True))


@contextmanager
def open_checkout() -> Iterator[Checkout]:
    """Yield the current folder's checkout; print a user's mistake as one message and exit with 2."""
    try:
        yield Checkout(Path.cwd())
    except UserError as error:
        typer.secho(f"Error: {error}", fg=typer.colors.RED, err=True)
        raise typer.Exit(2) from None


@app.command()
def show() -> None:
    """Show the champion: its version, its accuracy, and what made it."""
    with open_checkout() as checkout:
        champion = registry.find_champion(registry.list_versions(checkout))
        if champion is None:
            typer.echo("No model has been promoted yet. The first model that a retraining makes will be.")
            return
        record = champion.record
        typer.echo(f"model {champion.name}, since {champion.since:%Y-%m-%d %H:%M} UTC")
        typer.echo(f"  {record['judged']} accuracy {format_estimate(record['accuracy'])}")
        typer.echo(f"  code   {record['code']}")
        typer.echo(f"  data   {record['data']}  (data.dvc)")
        typer.echo(f"  model  {record['model']}  (dvc.lock)")
        typer.echo(f"  all of it: git show --stat {registry.ARTIFACT}@{champion.name}")
        path = checkout.files.champion / registry.RECORD
        if not path.is_file() or read_json(path)["commit"] != champion.commit:
            typer.echo("  its files are not in artifacts/champion/ yet; the next run fetches them")


@app.command("list")
def print_versions() -> None:
    """List all versions, the newest first. * marks the champion."""
    with open_checkout() as checkout:
        table = Table("", "version", "promoted (UTC)", "accuracy", "n", "code", "data", box=None)
        for version in registry.list_versions(checkout):
            record = version.record
            table.add_row(
                "*" if version.champion else "",
                version.name,
                f"{version.since:%Y-%m-%d %H:%M}",
                f"{record['accuracy']['value']:.3f}",
                f"{record['accuracy']['n']:,}",
                record["code"][:7],
                record["data"][:12],
            )
        Console(width=None if sys.stdout.isatty() else 160).print(table)


@app.command("promote")
def promote_command(
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Promote it even if it is worse; the comparison is recorded all the same.")
    ] = False,
) -> None:
    """Make the model in artifacts/ the champion, if it is not worse on the same validation rows.

    Exit codes: 0 if it is the champion now; 1 if it was refused; 2 after a mistake of yours.
    """
    run_command(promote_by_hand, PromoteOptions(anyway=anyway), refused=NOT_PROMOTED)


@app.command()
def rollback(
    version: Annotated[
        str | None, typer.Argument(help="For example v1.2.0.", show_default="the one before the champion")
    ] = None,
) -> None:
    """Make an earlier version the champion again, or any other version that `list` shows.

    A retraining will not promote the model that is left. `promote` does so by hand; the model keeps its version.
    """
    run_command(rollback_by_hand, RollbackOptions(version=version))


if __name__ == "__main__":
    app()
