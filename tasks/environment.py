"""Prefect's settings for this checkout, as environment variables; whatever the user has set stays as it is."""

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]

SETTINGS = {
    "PREFECT_HOME": str(CHECKOUT / ".prefect"),  # its database and settings; the user's own in ~/.prefect stay apart
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",  # on, it also locks a fresh SQLite database half of the time
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",  # a task tried by itself, outside of a flow, may log
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # seconds
}


@dataclass(frozen=True)
class Server:
    """A server that this checkout has started, as it wrote itself down.

    Attributes
    ----------
    url
        Of its API.
    process
        Its number.
    """

    url: str
    process: int


def prepare() -> None:
    """Set what is not set. A server that the user names keeps the user's own PREFECT_HOME, with its credentials.

    Where this checkout has a server running, its address becomes PREFECT_API_URL, so that every command finds it.
    """
    for name, value in SETTINGS.items():
        if name == "PREFECT_HOME" and "PREFECT_API_URL" in os.environ:
            continue
        os.environ.setdefault(name, value)
    if "PREFECT_API_URL" not in os.environ and (server := running_server(Path(os.environ["PREFECT_HOME"]))):
        os.environ["PREFECT_API_URL"] = server.url


def server_file(home: Path) -> Path:
    """Where a server writes itself down; it holds a lock on this file for as long as it lives."""
    return home / "server.json"


def running_server(home: Path) -> Server | None:
    """The server that was started with this PREFECT_HOME and still lives; it may not answer yet."""
    try:
        descriptor = os.open(server_file(home), os.O_RDWR)
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
