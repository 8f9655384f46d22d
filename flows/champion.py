"""The champion: the model that `score` uses. Which it is, which there were, another one by hand.

python -m flows.champion --help
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from prefect import flow, tags
from prefect.client.schemas.objects import State
from rich.console import Console
from rich.table import Table

from facegender.errors import UserError
from flows.options import PromoteOptions, RollbackOptions
from flows.running import at_work, disk_told
from tasks import registry
from tasks.checkout import Checkout
from tasks.dvc_stage import carried, failed, status
from tasks.evaluate import estimate
from tasks.promote import NOT_PROMOTED, promote
from tasks.roll_back import roll_back

app = typer.Typer(
    help="The champion is the model that `python -m flows.score` uses. A retraining makes its model the champion where "
    "it is not worse on the same validation rows; here a person looks, and decides otherwise. Each version is a git "
    "tag (model@v1.2.0) with its dvc.lock, data.dvc, params.yaml and code; DVC's cache or remote has its files. To "
    "share versions: git push --tags, dvc push --all-tags. Labels are gender as perceived by annotators.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
NOT_WORSE = "a model that is not worse than the champion on the same validation rows takes its place"


@flow(
    name="promote",
    flow_run_name=lambda: f"promote {date.today().isoformat()}",
    description=f"By hand what every retraining does: {NOT_WORSE}.",
)
@disk_told
def promote_by_hand(options: PromoteOptions = PromoteOptions()) -> State[Any]:  # noqa: B008 - frozen
    """Decide about the model in artifacts/."""
    root = Path.cwd()
    with at_work(root) as lock:
        checkout = Checkout(root, lock)
        if status(checkout, "data.dvc", "dvc.yaml") != {}:
            return failed("artifacts/ is not up to date with data and parameters. Retrain first: make run.", True)
        return carried(promote(checkout, options.anyway, return_state=True))


@flow(
    name="rollback",
    flow_run_name=lambda: f"rollback {date.today().isoformat()}",
    description="An earlier version becomes the champion again.",
)
@disk_told
def rollback_by_hand(options: RollbackOptions = RollbackOptions()) -> State[Any]:  # noqa: B008 - frozen
    """Put the version before the champion, or the one that is named, in its place."""
    root = Path.cwd()
    with at_work(root) as lock:
        return carried(roll_back(Checkout(root, lock), options.version, return_state=True))


@contextmanager
def told() -> Iterator[Checkout]:
    """The checkout; a user's mistake is one message and exit code 2."""
    try:
        yield Checkout(Path.cwd())
    except UserError as error:
        typer.secho(f"Error: {error}", fg=typer.colors.RED, err=True)
        raise typer.Exit(2) from None


@app.command()
def show() -> None:
    """Say which version serves, how it was judged, and what made it."""
    with told() as checkout:
        serving = registry.champion_of(registry.versions(checkout))
        if serving is None:
            typer.echo("No model has been promoted yet: the first that a retraining makes will be.")
            return
        record = serving.record
        typer.echo(f"model {serving.name}, since {serving.since:%Y-%m-%d %H:%M} UTC")
        typer.echo(f"  {record['judged']} accuracy {estimate(record['accuracy'])}")
        typer.echo(f"  code   {record['code']}")
        typer.echo(f"  data   {record['data']}  (data.dvc)")
        typer.echo(f"  model  {record['model']}  (dvc.lock)")
        typer.echo(f"  all of it: git show --stat {registry.ARTIFACT}@{serving.name}")
        place = checkout.files.champion / registry.RECORD
        if not place.is_file() or f'"commit": "{serving.commit}"' not in place.read_text(encoding="utf-8"):
            typer.echo("  its files are not in artifacts/champion/ yet: the next run fetches them")


@app.command("list")
def list_versions() -> None:
    """List every version, the newest first; * marks the champion."""
    with told() as checkout:
        table = Table("", "version", "promoted (UTC)", "accuracy", "n", "code", "data", box=None)
        for version in registry.versions(checkout):
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
        bool, typer.Option("--anyway", help="Whatever the comparison says; the figures are recorded all the same.")
    ] = False,
) -> None:
    """Make the model in artifacts/ the champion, if it is not worse on the same validation rows.

    Ends with 0 where it is the champion now, 1 where it was refused, 2 after a mistake.
    """
    record_and_say(promote_by_hand, PromoteOptions(anyway=anyway))


@app.command()
def rollback(
    version: Annotated[
        str | None, typer.Argument(help="Such as v1.2.0.", show_default="the one before the champion")
    ] = None,
) -> None:
    """Make an earlier version the champion again, or any other that `list` names.

    The model that is left behind is not promoted again by a retraining; by hand it is, with its version.
    """
    record_and_say(rollback_by_hand, RollbackOptions(version=version))


def record_and_say(run: Any, options: PromoteOptions | RollbackOptions) -> None:
    """Run a flow, recorded by Prefect, and end with its exit code."""
    from flows.command import exit_code, recorded, where_to_look

    if not Path("dvc.yaml").is_file():
        raise typer.BadParameter("There is no dvc.yaml in this folder: start it in a checkout of the repository.")
    with recorded(), tags(run.name, "by hand"):
        state = run(options, return_state=True)
    text = str(state.message) if state.is_completed() else f"Error: {state.message}"
    typer.echo(f"\n{text}\n{where_to_look(state)}", err=not state.is_completed())
    raise typer.Exit(1 if state.name == NOT_PROMOTED else exit_code(state))


if __name__ == "__main__":
    app()
