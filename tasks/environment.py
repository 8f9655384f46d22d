"""Prefect's settings for this checkout, as environment variables. Variables that the user has set stay as they are."""

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]

SETTINGS = {
    "PREFECT_HOME": str(CHECKOUT / ".prefect"),  # its database and settings, apart from the user's own in ~/.prefect
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",  # if on, it locks a fresh SQLite database half of the time
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",  # a task may log outside of a flow too
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # seconds
}


@dataclass(frozen=True)
class Server:
    """A server that this checkout has started, as recorded in its server.json.

    Attributes
    ----------
    url
        Address of its API.
    process
        Its process id.
    """

    url: str
    process: int


def prepare() -> None:
    """Set the variables that are not set yet.

    If the user names a server, PREFECT_HOME stays the user's own, with its credentials. If this checkout's server is
    running, its address becomes PREFECT_API_URL, so that every command finds it.
    """
    for name, value in SETTINGS.items():
        if name == "PREFECT_HOME" and "PREFECT_API_URL" in os.environ:
            continue
        os.environ.setdefault(name, value)
    if "PREFECT_API_URL" not in os.environ and (server := find_running_server(Path(os.environ["PREFECT_HOME"]))):
        os.environ["PREFECT_API_URL"] = server.url


def get_server_file(home: Path) -> Path:
    """Return the file that records a server. The server holds a lock on it as long as it lives."""
    return home / "server.json"


def find_running_server(home: Path) -> Server | None:
    """Find the server that was started with this PREFECT_HOME and still lives; it may not answer yet."""
    try:
        descriptor = os.open(get_server_file(home), os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 4096, 0)
        return Server(**json.loads(text)) if text else None
    finally:
        os.close(descriptor)
    return None
