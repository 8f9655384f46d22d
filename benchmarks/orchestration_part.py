"""Part `orchestration`: the stages as plain functions, by `dvc repro` and as the Prefect flow; then nothing to do."""

import functools
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.child import Result, module_command, require_success, run_child
from benchmarks.peers import Peer
from benchmarks.setting import Sections, Setting
from facegender.params.writing import flatten, write_params

QUICK_PARAMS: Sections = {
    "backbone": {"alpha": 0.35, "image_size": 96, "weights": "none"},
    "features": {"views": 1},
    "train": {"head_epochs": 1, "epochs": 1},
    "evaluate": {"bootstrap": 50},
}
PORT_VARIABLE = "PREFECT_SERVER_API_PORT"


def list_peers(setting: Setting) -> dict[str, Peer]:
    """Return the peers of the part, each in a clone of its own, over the same drawn data."""
    here, dvc = Path.cwd(), str(Path(sys.executable).with_name("dvc"))
    commands = {
        "plain functions": module_command("benchmarks.in_a_row"),
        "dvc repro": [dvc, "repro"],
        "prefect flow": module_command("flows.retrain"),
    }
    folders = {name: setting.root / "orchestration" / name.replace(" ", "_") for name in commands}
    cloned: set[str] = set()  # by this command: an earlier command's clone may hold other code

    def run_first(name: str) -> Result:
        folder = folders[name]
        shutil.rmtree(folder, ignore_errors=True)
        prepare(["git", "clone", "--quiet", str(here), str(folder)])
        prepare(module_command("facegender", "demo", "--images", 200, "--out", "data"), folder)
        # change the whole file: DVC needs every section that dvc.yaml names
        write_params(folder / "params.yaml", flatten(QUICK_PARAMS))
        prepare([dvc, "add", "data"], folder)
        cloned.add(name)
        return run_child(commands[name], folder, setting.log)

    def run_again(name: str) -> Result:
        if name not in cloned:
            run_first(name)
        return run_child(commands[name], folders[name], setting.log)

    def run_beside_server(name: str) -> Result:
        if name not in cloned:
            run_first(name)
        with start_server(folders[name]):
            return run_again(name)

    flow = "prefect flow"
    idle = {
        "dvc repro, nothing to do": functools.partial(run_again, "dvc repro"),
        f"{flow}, nothing to do": functools.partial(run_again, flow),
        f"{flow}, nothing to do, server running": functools.partial(run_beside_server, flow),
    }
    work = {name: Peer(functools.partial(run_first, name), 1) for name in commands}
    return work | {name: Peer(run, setting.repeats) for name, run in idle.items()}


def prepare(command: list[str], folder: Path | None = None) -> None:
    """Run a command that is not measured; end the benchmark if it fails."""
    require_success(run_child(command, folder), "orchestration")


@contextmanager
def start_server(folder: Path) -> Iterator[None]:
    """Run a clone's Prefect server, on a free port, inside the `with` block; the clone's flow finds it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        os.environ[PORT_VARIABLE] = str(free.getsockname()[1])
    try:
        prepare(module_command("flows.server", "start"), folder)
        yield
    finally:
        prepare(module_command("flows.server", "stop"), folder)
        del os.environ[PORT_VARIABLE]
