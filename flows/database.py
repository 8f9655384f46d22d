"""The database of this checkout's Prefect server: made once, by one process."""

import fcntl
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import typer

NO_ROOM = (  # as SQLite says it
    "database or disk is full",
    "unable to open database file",
    "attempt to write a readonly database",
    "disk I/O error",
)


def make_ready(home: Path) -> None:
    """Let one process make the tables of a fresh database; two servers that both try spoil it for each other."""
    done = home / f"database-{version('prefect')}"
    with (home / "database.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
            made = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if made.returncode != 0:
                refuse_database(home, made.stdout + made.stderr)
            done.touch()


def refuse_database(home: Path, said: str, told: str | None = None) -> NoReturn:
    """End with 2 where the tables found no room or may not be written; with 1 and all that was said otherwise.

    `told` is the reason, where it is known; else it is looked for in `said`.
    """
    told = told or next((word for word in NO_ROOM if word in said), None)
    if told is None:
        typer.echo(f"{said}\nError: Prefect's database below {home} could not be made.", err=True)
        raise typer.Exit(1)
    typer.echo(
        f"Error: {home}: there must be room for Prefect's database, and it must be possible to write there. "
        f"Received: {told}. Make room, or change the permissions, and try again.",
        err=True,
    )
    raise typer.Exit(2)
