"""A checkout in production: a real Prefect server, deployments and a worker, each of which a test can kill."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil

from flows.server_address import find_free_port
from tasks.environment import find_running_server
from tests.small_checkout import environment

SERVICE_UNAVAILABLE = 503
PATIENCE_S = 600.0  # for what takes seconds on an idle machine
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class Production:
    """Server and worker of one checkout; `close` ends both.

    Parameters
    ----------
    root
        The checkout, made by tests.small_checkout.
    variables
        To add to the environment of every process.
    """

    def __init__(self, root: Path, **variables: str) -> None:
        self.root = root
        self.port = find_free_port()
        self.variables = {
            **environment(root),
            "PREFECT_SERVER_API_PORT": str(self.port),
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
            "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
            **variables,
        }
        self.worker: psutil.Popen | None = None

    # what a person types
    def make(self, target: str) -> str:
        """Run `make TARGET` in the checkout, with the .venv of these tests."""
        ready = self.root / ".dvc/tmp/ready"
        ready.parent.mkdir(parents=True, exist_ok=True)
        ready.touch()
        programs = Path(sys.executable).parent
        return self.call("make", f"READY={ready}", f"BIN={programs}", target)

    def call(self, *command: str) -> str:
        """Run a command, which must succeed; return its output."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def start_worker(self) -> None:
        """Start the process that `make worker` starts."""
        command = [sys.executable, "-m", "tasks", "prefect", "worker", "start", "--pool", "local"]
        with (self.root / ".dvc/tmp/worker.log").open("ab") as log:
            self.worker = psutil.Popen(
                command, cwd=self.root, env=self.variables, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def server(self) -> psutil.Process | None:
        """The server's process; None if it does not run."""
        known = find_running_server(self.root / ".prefect")
        return None if known is None else psutil.Process(known.process)

    def close(self) -> None:
        """End the worker as Ctrl-C does, then the server."""
        if self.worker is not None and self.worker.is_running():
            self.worker.send_signal(signal.SIGINT)
            try:
                self.worker.wait(30)
            except psutil.TimeoutExpired:
                self.worker.kill()
                self.worker.wait()
        self.make("stop")

    # the calls that the UI makes
    def api(self, path: str, body: object = None, method: str = "POST") -> Any:
        """Call the server's API; return its answer."""
        data = None if method == "GET" else json.dumps(body or {}).encode()
        url = f"http://127.0.0.1:{self.port}/api{path}"
        request = Request(url, data, {"Content-Type": "application/json"}, method=method)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                with urlopen(request, timeout=60) as answer:
                    text = answer.read()
                return json.loads(text) if text else None
            except HTTPError as error:  # the server is busy; Prefect's own client retries too
                if error.code != SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def deployment(self, name: str) -> str:
        """Return the id of a deployment, such as "retrain/weekly"."""
        return str(self.api(f"/deployments/name/{name}", method="GET")["id"])

    def begin(self, name: str = "retrain/weekly", **options: Any) -> str:
        """Start a run as the form in the UI does; return its id."""
        body = {"parameters": {"options": options}} if options else {}
        return str(self.api(f"/deployments/{self.deployment(name)}/create_flow_run", body)["id"])

    def cancel(self, run: str) -> None:
        """Cancel a run as the Cancel button does."""
        state = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
        self.api(f"/flow_runs/{run}/set_state", state)

    def run(self, run: str) -> dict[str, Any]:
        """Return a flow run as the API describes it."""
        found: dict[str, Any] = self.api(f"/flow_runs/{run}", method="GET")
        return found

    def runs(self, **filters: Any) -> list[dict[str, Any]]:
        """Return every flow run, the earliest first."""
        found: list[dict[str, Any]] = self.api("/flow_runs/filter", {"sort": "START_TIME_ASC", **filters})
        return found

    def tasks(self, run: str) -> dict[str, str]:
        """Return the state of each task of a run."""
        found = self.api("/task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        return {task["name"].partition("-")[0]: task["state"]["name"] for task in found}

    def ended(self, run: str) -> dict[str, Any]:
        """Wait until the run has ended; return it."""
        return until(lambda: found if (found := self.run(run))["state_type"] in FINAL else None, f"run {run} to end")

    def log(self, run: str) -> str:
        """Return the run's log, as its page shows it."""
        lines: list[str] = []
        while True:
            body = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC", "offset": len(lines)}
            found = self.api("/logs/filter", body)
            lines += [line["message"] for line in found]
            if not found:
                return "\n".join(lines)

    def artifact(self, run: str, key: str) -> dict[str, Any]:
        """Return an artifact on the run's page."""
        filters = {"artifacts": {"flow_run_id": {"any_": [run]}, "key": {"any_": [key]}}}
        found: list[dict[str, Any]] = self.api("/artifacts/filter", filters)
        assert len(found) == 1, found
        return found[0]


def until(found: Callable[[], Any], what: str, patience: float = PATIENCE_S, every: float = 0.2) -> Any:
    """Wait until `found` returns something true; return that."""
    deadline = time.monotonic() + patience
    while not (value := found()):
        assert time.monotonic() < deadline, f"waited {patience:.0f} s in vain for {what}"
        time.sleep(every)
    return value


def stage_process(root: Path, stage: str = "") -> psutil.Process | None:
    """Find the process of `facegender STAGE` in the checkout; without `stage`, of any stage."""
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            program = next((word for word in words[:2] if Path(word).name == "facegender"), None)
            if program and (not stage or stage in words) and Path(process.cwd()).is_relative_to(root):
                return process
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return None


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return the processes that have not ended; zombies have."""
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def moment(text: str) -> datetime:
    """Parse a time as the API writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def dvc_status(root: Path) -> Any:
    """Run `dvc status`; {} if nothing has changed."""
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, cwd=root, env=environment(root), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def kill(process: psutil.Process) -> None:
    """Send SIGKILL; reap the process if it is a child of this one."""
    os.kill(process.pid, signal.SIGKILL)
    if isinstance(process, psutil.Popen):
        process.wait()
