"""A new user, who types what README says, command by command, in a fresh checkout with tiny parameters."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from socket import socket

WAIT_S = 180.0  # for a server to answer
EXPORT = re.compile(r"(\w+)=(\S+)")


@dataclass(frozen=True)
class Known:
    """What a command is to do.

    Attributes
    ----------
    says
        Stands in its output.
    leaves
        Files that it leaves, below the checkout.
    serves
        It goes on until it is stopped; this in its output says that it is at work.
    before
        What the user does by hand before it, given the checkout.
    then
        A command of the same shell that shows what it did.
    """

    says: str = ""
    leaves: tuple[str, ...] = ()
    serves: str = ""
    before: Callable[[Path], object] | None = None
    then: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a command ended; 0 for one that serves, once it does."""

    code: int
    said: str


class Reader:
    """Runs commands in a checkout, in their order and each once.

    Parameters
    ----------
    root
        The checkout.
    scratch
        A folder for the user's home and for the places outside of the checkout that commands name.
    """

    def __init__(self, root: Path, scratch: Path, commands: list[str], known: dict[str, Known]) -> None:
        self.root, self.scratch, self.commands, self.known = root, scratch, commands, known
        self.outcomes: list[Outcome] = []
        self.servers: list[subprocess.Popen[bytes]] = []
        self.port = free_port()
        ready = scratch / "ready"
        ready.touch()
        home = scratch / "home"
        home.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MAKE", "GIT_"))}
        self.environment = {
            **kept,
            "HOME": str(home),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(root),  # the copy's own code, not that of the checkout which is installed
            "MAKEFLAGS": f"READY={ready}",  # .venv is there: nothing to install
            "PREFECT_SERVER_API_PORT": str(self.port),
            **{
                f"GIT_{who}_{what}": "reader@example.org"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }

    def result(self, number: int) -> Outcome:
        """The outcome of a command, once all before it have run."""
        while len(self.outcomes) <= number:
            self.outcomes.append(self._run(self.commands[len(self.outcomes)]))
        return self.outcomes[number]

    def _run(self, command: str) -> Outcome:
        known = self.known[command]
        if known.before:
            known.before(self.root)
        line = command.replace(":4200", f":{self.port}").replace("/mnt/team", str(self.scratch / "team"))
        if line.startswith("export "):
            self.environment |= dict(EXPORT.findall(line))
        if known.then:
            line += f"\n{known.then}"
        with (self.scratch / f"{len(self.outcomes):02d}.log").open("w+b") as log:
            process = subprocess.Popen(
                ["bash", "-e", "-c", line],
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            code = self._await(process, Path(log.name), known.serves) if known.serves else process.wait()
        return Outcome(code, Path(log.name).read_text(encoding="utf-8", errors="replace"))

    def _await(self, process: subprocess.Popen[bytes], log: Path, sign: str) -> int:
        self.servers.append(process)
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                return process.returncode or 1  # one that serves must not end
            if sign in log.read_text(encoding="utf-8", errors="replace"):
                return 0
            time.sleep(0.5)
        return 124

    def stop(self) -> None:
        """End the servers, with all that they started."""
        for process in reversed(self.servers):
            for number in (signal.SIGTERM, signal.SIGKILL):
                if process.poll() is None:
                    os.killpg(process.pid, number)
                    try:
                        process.wait(20)
                    except subprocess.TimeoutExpired:
                        continue


def free_port() -> int:
    """One that nobody listens on at this moment."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
