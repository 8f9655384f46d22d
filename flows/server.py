"""The Prefect server of this checkout.

python -m flows.server start | stop | run
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from typing import NoReturn
from urllib.error import URLError
from urllib.request import urlopen

import typer

from flows.database import make_ready, refuse_database
from tasks.child import end_group, guarded
from tasks.environment import SETTINGS, Server, running_server, server_file

PATIENCE_S = 120.0  # a fresh database on a busy machine takes nearly 30
app = typer.Typer(help="The Prefect server of this checkout.", add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run() -> None:
    """Serve API and UI until interrupted; 127.0.0.1:4200, or as PREFECT_SERVER_API_HOST and _PORT say."""
    if there := named_or_running():
        typer.echo(f"A server is there already: {page(there)}")
        return
    home, (host, port) = home_folder(), address()
    make_ready(home)
    descriptor = os.open(server_file(home), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise typer.BadParameter("Another server of this checkout has just been started.") from None
    refuse_taken(host, port)
    url = f"http://{host}:{port}/api"
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"url": url, "process": os.getpid()}).encode(), 0)
    os.set_inheritable(descriptor, True)  # the server holds the lock from here on
    os.environ["PREFECT_API_URL"] = url  # or its UI calls port 4200
    os.execv(sys.executable, [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", str(port)])


@app.command()
def start() -> None:
    """Start a server that stays, or find the one that is there."""
    url = found()
    if url is None:
        refuse_taken(*address())
        home = home_folder()
        log = home / "server.log"
        with log.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "flows.server", "run"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        url = await_record(home, process, log).url
        await_answer(url, process)
    typer.echo(f"The Prefect UI: {page(url)}")


@app.command()
def stop() -> None:
    """Stop the server that this checkout has started, if it is running."""
    home = home_folder()
    server = running_server(home)
    if server is None:
        typer.echo("No server of this checkout is running.")
        return
    for number, patience in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)):
        os.kill(server.process, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if running_server(home) is None:
                typer.echo("The server is stopped.")
                return
            time.sleep(0.2)
    raise typer.Exit(1)


@contextmanager
def at_hand() -> Iterator[str]:
    """The API's address: of the server that is there, or of one that lives as long as the block, and never longer."""
    url = found()
    if url is not None:
        yield url
        return
    home = home_folder()
    make_ready(home)
    port = free_port()
    # as Prefect starts its own embedded one, which outlives a killed run
    command = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--lifespan", "on"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    variables = {
        **os.environ,
        "PREFECT_UI_ENABLED": "0",
        "PREFECT__SERVER_EPHEMERAL": "1",
        "PREFECT__SERVER_FINAL": "1",
    }
    process = subprocess.Popen(guarded(command), env=variables, stdin=subprocess.PIPE, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}/api"
        await_answer(url, process)
        yield url
    finally:
        end_group(process)
        assert process.stdin is not None
        process.stdin.close()


def found() -> str | None:
    """The address of a server that answers; None where one must be started. Ends with 2 where a named one is silent."""
    url = named_or_running()
    if url is not None and not answers(url):
        if named_or_running() is not None:
            refuse_silent(url)
        return None  # it was ours, and was killed a moment ago
    return url


def named_or_running() -> str | None:
    """The API's address that PREFECT_API_URL names; tasks.environment sets it where a server of ours is running.

    None, and the variable gone, where it names the server that this checkout would start and nobody is there: killed
    since then, or before, in a terminal that still names it as the documents tell.
    """
    url, (host, port) = os.environ.get("PREFECT_API_URL"), address()
    if url is None or url.rstrip("/") not in (f"http://{host}:{port}/api", f"http://localhost:{port}/api"):
        return url
    if running_server(home_folder()) or listens(host, port):
        return url
    del os.environ["PREFECT_API_URL"]
    os.environ.setdefault("PREFECT_HOME", SETTINGS["PREFECT_HOME"])
    return None


def listens(host: str, port: int) -> bool:
    """Whether somebody does."""
    with socket() as probe:
        return probe.connect_ex((host, port)) == 0


def home_folder() -> Path:
    """PREFECT_HOME, which is there afterwards and may be written to; else the command ends with one message."""
    home = Path(os.environ.get("PREFECT_HOME", SETTINGS["PREFECT_HOME"]))
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        refuse_database(home, "", told=str(error.strerror))
    if not os.access(home, os.W_OK | os.X_OK):
        refuse_database(home, "", told="no permission to write")
    return home


def address() -> tuple[str, int]:
    """Host and port that a server of ours listens on: loopback, unless the user says otherwise."""
    host = os.environ.get("PREFECT_SERVER_API_HOST", "127.0.0.1")
    return host, int(os.environ.get("PREFECT_SERVER_API_PORT", "4200"))


def page(url: str) -> str:
    """The UI's address, from the API's."""
    return url.rstrip("/").removesuffix("/api")


def refuse_taken(host: str, port: int) -> None:
    """End with 2 where somebody else listens on the port."""
    if listens(host, port):
        typer.echo(
            f"Error: {host}:{port} must be free for the Prefect server, and something else answers there. "
            f"Choose another port: PREFECT_SERVER_API_PORT={port + 1} make ui (or make deploy).",
            err=True,
        )
        raise typer.Exit(2)


def free_port() -> int:
    """One that nobody listens on at this moment."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_record(home: Path, process: subprocess.Popen[bytes], log: Path) -> Server:
    """Wait until a server that was started has written itself down."""
    deadline = time.monotonic() + PATIENCE_S
    while (server := running_server(home)) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            typer.echo(f"Error: the Prefect server did not start. It says why in {log}.", err=True)
            raise typer.Exit(1)
        time.sleep(0.1)
    return server


def await_answer(url: str, process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until the API answers; ends with 2 where it does not."""
    if not answers(url, process):
        refuse_silent(url)


def refuse_silent(url: str) -> NoReturn:
    """End with 2 for a server that does not answer."""
    typer.echo(f"Error: the Prefect server at {url} does not answer. Start it, or unset PREFECT_API_URL.", err=True)
    raise typer.Exit(2)


def answers(url: str, process: subprocess.Popen[bytes] | None = None) -> bool:
    """Whether the API answers; waits for one that `process`, or another process of this checkout, is starting."""
    deadline = time.monotonic() + PATIENCE_S
    while (process is None or process.poll() is None) and time.monotonic() < deadline:
        try:
            with urlopen(f"{url.rstrip('/')}/health", timeout=10) as answer:
                if answer.status == 200:
                    return True
        except (URLError, ConnectionError, TimeoutError):
            if process is None and running_server(home_folder()) is None:
                return False
        time.sleep(0.1)
    return False


if __name__ == "__main__":
    app()
