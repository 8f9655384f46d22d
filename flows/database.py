"""The SQLite database of the embedded Prefect server, made ready before two runs can both try to."""

import fcntl

import prefect
from prefect.client.orchestration import get_client
from prefect.settings import get_current_settings


def make_ready() -> None:
    """Let one process at a time start the first embedded server on the database; done once for a version of Prefect.

    That server makes the tables. Two that start at once on a fresh database spoil it for each other. A server that has
    been named looks after its own database.
    """
    settings = get_current_settings()
    if settings.api.url is not None:
        return
    done = settings.home / f"database-{prefect.__version__}"
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "database.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            with get_client(sync_client=True) as client:  # starts the server that this run will use
                client.api_version()
            done.touch()
