"""The `facegender` command: one sub-command for each stage, and a few tools.

The sub-commands are defined in the other modules of this package.
"""

import logging
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from facegender import __version__
from facegender.cli import people, production, stages
from facegender.errors import UserError, translate_os_error
from facegender.runtime import events
from facegender.stages import PIPELINE


class GroupedCommands(TyperGroup):
    """List the commands under headings in the help, as plain text: typer's framed help takes 0.3 s to import."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands; click calls this for the help text."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            heading = str(getattr(command, "rich_help_panel", None) or "Commands")
            sections.setdefault(heading, []).append((name, command.get_short_help_str(MAX_SUMMARY)))
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


MAX_SUMMARY: Final = 200  # characters of a command's summary in the list; it may take several lines

SECTIONS: Final[dict[str, tuple[Callable[..., None], ...]]] = {
    "Stages": stages.PIPELINE_COMMANDS,
    "Cross-validation": stages.FOLD_COMMANDS,
    "Tools": (
        people.predict,
        people.export,
        people.review,
        people.compare,
        people.preset,
        people.search,
        people.demo,
        people.doctor,
    ),
    "Production": (
        production.promotion,
        production.score,
    ),
}

app = typer.Typer(
    name="facegender",
    cls=GroupedCommands,
    rich_markup_mode=None,
    help="Train a perceived-gender classifier on a folder of face images and CSV files of labels, evaluate it and "
    f"write a submission. The stages run in this order: {', '.join(stage.name for stage in PIPELINE)}; `dvc repro` and "
    "the Prefect flow run the same commands. Labels are gender as perceived by annotators.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(requested: bool) -> None:
    if requested:
        typer.echo(f"facegender {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Define the options of `facegender` itself."""


for heading, commands in SECTIONS.items():
    for command in commands:
        app.command(rich_help_panel=heading)(command)


def main() -> None:
    """Run a command. A user's mistake ends with one message and exit code 2; a bug keeps its traceback."""
    # Arrow's default allocator keeps freed memory: 36 MB instead of 7 MB after the tables of 40,000 images. With it the
    # peaks of validate and split are 11 to 20 MB higher.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        app()
    except Exception as raised:
        error = raised if isinstance(raised, UserError) else translate_os_error(raised)
        if error is None:
            raise
        events.emit("error", message=str(error))
        typer.secho(f"Error: {error}", fg=typer.colors.RED, err=True)
        sys.exit(2)
