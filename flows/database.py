"""The database of this checkout's Prefect server: created once, by one process."""

import fcntl
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import typer

NO_ROOM = (  # in SQLite's words
    "database or disk is full",
    "unable to open database file",
    "attempt to write a readonly database",
    "disk I/O error",
)


def prepare_database(home: Path) -> None:
    """Let one process create the tables of a fresh database; two servers that try at once make each other fail."""
    done = home / f"database-{version('prefect')}"
    with (home / "database.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
            upgrade = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if upgrade.returncode != 0:
                refuse_database(home, upgrade.stdout + upgrade.stderr)
            done.touch()


def refuse_database(home: Path, output: str, reason: str | None = None) -> NoReturn:
    """Exit with 2 if the disk is full or may not be written; otherwise print the output and exit with 1.

    Parameters
    ----------
    reason
        Why the database could not be created, if known; otherwise it is looked for in `output`.
    """
    reason = reason or next((words for words in NO_ROOM if words in output), None)
    if reason is None:
        typer.echo(f"{output}\nError: Prefect's database below {home} could not be created.", err=True)
        raise typer.Exit(1)
    typer.echo(
        f"Error: {home}: Prefect's database needs free space and write permission here. "
        f"Received: {reason}. Free some space or change the permissions, and try again.",
        err=True,
    )
    raise typer.Exit(2)
