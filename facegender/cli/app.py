"""The `facegender` command: one sub-command a stage, and a few for people.

The commands themselves are the other modules of this package.
"""

import gc
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


class Sections(TyperGroup):
    """Lists the commands under their headings. As plain text: typer's own, with frames, takes 0.3 s to import."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Called for the help text."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            heading = str(getattr(command, "rich_help_panel", None) or "Commands")
            sections.setdefault(heading, []).append((name, command.get_short_help_str(LONGEST)))
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


LONGEST = 200  # characters of a command's line of help, which may go on in a second one

SECTIONS: Final[dict[str, tuple[Callable[..., None], ...]]] = {
    "Stages": stages.PIPELINE_COMMANDS,
    "Cross-validation": stages.FOLD_COMMANDS,
    "For people": (
        people.predict,
        people.export,
        people.review,
        people.compare,
        people.preset,
        people.search,
        people.demo,
        people.doctor,
    ),
    "In production": (
        production.promotion,
        production.score,
    ),
}

app = typer.Typer(
    name="facegender",
    cls=Sections,
    rich_markup_mode=None,
    help="From a folder of face images and CSVs of labels to a perceived-gender classifier, its evaluation and a "
    f"submission. The stages run in this order: {', '.join(stage.name for stage in PIPELINE)}; `dvc repro` and "
    "the Prefect flow run these very commands. Labels are gender as perceived by annotators.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"facegender {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Settings that hold for every command."""


for heading, commands in SECTIONS.items():
    for command in commands:
        app.command(rich_help_panel=heading)(command)


def main() -> None:
    """Run a command; a user's mistake is one message and exit code 2, a bug keeps its traceback."""
    # Arrow's own allocator keeps what was freed: after the tables of 40,000 images 36 MB instead of 7
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # pydantic would look through the metadata of everything installed for plugins, of which we want none
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
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
    finally:
        # Python ends with a search for cycles in all that is left, which takes a quarter as long as the imports did
        gc.freeze()
