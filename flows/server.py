"""The Prefect server of this checkout: `prefect server start`, recorded in a file that the server keeps locked.

python -m flows.server start | stop | run

`prefect server start --background` and `prefect server stop` do not replace these commands. Tried with Prefect 3.8.8:

- After a kill -9 or a crash, its `start` refuses because of the file server.pid that is left.
- Its `start` exits with 0 before the server answers, also if the server then fails to start.
- Its server's output goes to a pipe that nobody reads, so that there is no log.
- Its server stays in the terminal's process group: Ctrl-C of `make worker` ends it too.
- Its `stop` sends SIGTERM to whatever process has the recorded number: after a reboot, somebody else's.
- Its `stop` does not wait, and a server that hangs goes on.
- Its file does not record the address, so that other commands would not find a server on another port.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import typer

from flows.database import prepare_database
from flows.server_address import (
    PATIENCE_S,
    find_api_url,
    find_server,
    get_address,
    get_home,
    get_page,
    is_taken,
    require_answer,
)
from tasks.environment import Server, find_running_server, get_server_file

app = typer.Typer(help="The Prefect server of this checkout.", add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run() -> None:
    """Serve API and UI until interrupted, at 127.0.0.1:4200 or PREFECT_SERVER_API_HOST and PREFECT_SERVER_API_PORT."""
    if there := find_api_url():
        typer.echo(f"A server is already running: {get_page(there)}")
        return
    home, (host, port) = get_home(), get_address()
    prepare_database(home)
    descriptor = os.open(get_server_file(home), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise typer.BadParameter("Another process has just started this checkout's server.") from None
    refuse_taken(host, port)
    url = f"http://{host}:{port}/api"
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"url": url, "process": os.getpid()}).encode(), 0)
    os.set_inheritable(descriptor, True)  # the server holds the lock from here on
    os.environ["PREFECT_API_URL"] = url  # otherwise its UI calls port 4200
    os.execv(sys.executable, [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", str(port)])


@app.command()
def start() -> None:
    """Start the server in the background, or find the one that is running."""
    url = find_server()
    if url is None:
        refuse_taken(*get_address())
        home = get_home()
        log = home / "server.log"
        with log.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "flows.server", "run"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        url = wait_for_record(home, process, log).url
        require_answer(url, process)
    typer.echo(f"The Prefect UI: {get_page(url)}")


@app.command()
def stop() -> None:
    """Stop the server that this checkout has started, if it is running."""
    home = get_home()
    server = find_running_server(home)
    if server is None:
        typer.echo("No server of this checkout is running.")
        return
    for number, patience in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)):
        os.kill(server.process, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if find_running_server(home) is None:
                typer.echo("The server is stopped.")
                return
            time.sleep(0.2)
    raise typer.Exit(1)


def refuse_taken(host: str, port: int) -> None:
    """Exit with 2 if another program listens on the port."""
    if is_taken(host, port):
        typer.echo(
            f"Error: {host}:{port} must be free for the Prefect server, but another program listens there. "
            f"Choose another port: PREFECT_SERVER_API_PORT={port + 1} make ui (or make deploy).",
            err=True,
        )
        raise typer.Exit(2)


def wait_for_record(home: Path, process: subprocess.Popen[bytes], log: Path) -> Server:
    """Wait until a server that was just started has recorded itself."""
    deadline = time.monotonic() + PATIENCE_S
    while (server := find_running_server(home)) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            typer.echo(f"Error: the Prefect server did not start. The reason is in {log}.", err=True)
            raise typer.Exit(1)
        time.sleep(0.1)
    return server


if __name__ == "__main__":
    app()
