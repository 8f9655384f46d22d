"""Where the Prefect server is: which address is named or running, and whether it answers."""

import os
import subprocess
import time
from pathlib import Path
from socket import socket
from typing import NoReturn
from urllib.error import URLError
from urllib.request import urlopen

import typer

from flows.database import refuse_database
from tasks.environment import SETTINGS, find_running_server

PATIENCE_S = 120.0  # a fresh database on a busy machine takes nearly 30


def find_server() -> str | None:
    """Return the API address of a server that answers; None if one must be started.

    Exit with 2 if the server that the user names does not answer.
    """
    url = find_api_url()
    if url is not None and not wait_for_answer(url):
        if find_api_url() is not None:
            refuse_silent(url)
        return None  # it was this checkout's, and was killed a moment ago
    return url


def find_api_url() -> str | None:
    """Return PREFECT_API_URL. tasks.environment sets it if this checkout's server is running.

    If it names the address of this checkout's server and no program listens there, the variable is removed and None is
    returned. The server was killed, or the terminal still has the variable that docs/operations.md exports.
    """
    url, (host, port) = os.environ.get("PREFECT_API_URL"), get_address()
    if url is None or url.rstrip("/") not in (f"http://{host}:{port}/api", f"http://localhost:{port}/api"):
        return url
    if find_running_server(get_home()) or is_taken(host, port):
        return url
    del os.environ["PREFECT_API_URL"]
    os.environ.setdefault("PREFECT_HOME", SETTINGS["PREFECT_HOME"])
    return None


def get_address() -> tuple[str, int]:
    """Return host and port of this checkout's server: loopback, unless the user's variables say otherwise."""
    host = os.environ.get("PREFECT_SERVER_API_HOST", "127.0.0.1")
    return host, int(os.environ.get("PREFECT_SERVER_API_PORT", "4200"))


def get_page(url: str) -> str:
    """Return the UI's address for an API's address."""
    return url.rstrip("/").removesuffix("/api")


def get_home() -> Path:
    """Return PREFECT_HOME, created if missing; exit with 2 if it cannot be written."""
    home = Path(os.environ.get("PREFECT_HOME", SETTINGS["PREFECT_HOME"]))
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        refuse_database(home, "", reason=str(error.strerror))
    if not os.access(home, os.W_OK | os.X_OK):
        refuse_database(home, "", reason="no permission to write")
    return home


def is_taken(host: str, port: int) -> bool:
    """Return whether a program listens on the port."""
    with socket() as probe:
        return probe.connect_ex((host, port)) == 0


def find_free_port() -> int:
    """Find a port on which no program listens at this moment."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require_answer(url: str, process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until the API answers; exit with 2 if it does not."""
    if not wait_for_answer(url, process):
        refuse_silent(url)


def wait_for_answer(url: str, process: subprocess.Popen[bytes] | None = None) -> bool:
    """Return whether the API answers; while its process lives, wait up to PATIENCE_S.

    Parameters
    ----------
    process
        The server, if this process has started it. Otherwise this checkout's running server, if any.
    """
    deadline = time.monotonic() + PATIENCE_S
    while (process is None or process.poll() is None) and time.monotonic() < deadline:
        try:
            with urlopen(f"{url.rstrip('/')}/health", timeout=10) as answer:
                if answer.status == 200:
                    return True
        except (URLError, ConnectionError, TimeoutError):
            if process is None and find_running_server(get_home()) is None:
                return False
        time.sleep(0.1)
    return False


def refuse_silent(url: str) -> NoReturn:
    """Exit with 2 because a server does not answer."""
    typer.echo(f"Error: the Prefect server at {url} does not answer. Start it, or unset PREFECT_API_URL.", err=True)
    raise typer.Exit(2)
