"""Part `orchestration`: plain functions in a row, `dvc repro`, the Prefect flow; and again, with nothing to do."""

import functools
import os
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from benchmarks.child import Result, python, run
from benchmarks.peers import Peer
from benchmarks.setting import Setting

QUICK: dict[str, dict[str, object]] = {
    "backbone": {"alpha": 0.35, "image_size": 96, "weights": "none"},
    "features": {"views": 1},
    "train": {"head_epochs": 1, "epochs": 1},
    "evaluate": {"bootstrap": 50},
}
PORT = "PREFECT_SERVER_API_PORT"


def peers(setting: Setting) -> dict[str, Peer]:
    """Each in a clone of its own, over the same drawn data."""
    here, bin_of = Path.cwd(), Path(sys.executable).parent
    commands = {
        "plain functions": python("benchmarks.in_a_row"),
        "dvc repro": [str(bin_of / "dvc"), "repro"],
        "prefect flow": python("flows.retrain"),
    }
    folders = {name: setting.root / "orchestration" / name.replace(" ", "_") for name in commands}
    done: set[str] = set()  # by this command: a folder of an earlier one may hold other code

    def first(name: str) -> Result:
        folder = folders[name]
        shutil.rmtree(folder, ignore_errors=True)
        must(run(["git", "clone", "--quiet", str(here), str(folder)]))
        must(run(python("facegender", "demo", "--images", 200, "--out", "data"), folder))
        change_params(folder / "params.yaml", QUICK)
        must(run([str(bin_of / "dvc"), "add", "data"], folder))
        done.add(name)
        return run(commands[name], folder, setting.tell)

    def again(name: str) -> Result:
        if name not in done:
            first(name)
        return run(commands[name], folders[name], setting.tell)

    def beside_server(name: str) -> Result:
        if name not in done:
            first(name)
        with server(folders[name]):
            return again(name)

    flow = "prefect flow"
    idle = {
        "dvc repro, nothing to do": functools.partial(again, "dvc repro"),
        f"{flow}, nothing to do": functools.partial(again, flow),
        f"{flow}, nothing to do, server running": functools.partial(beside_server, flow),
    }
    work = {name: Peer(functools.partial(first, name), 1) for name in commands}
    return work | {name: Peer(go, setting.repeats) for name, go in idle.items()}


def must(result: Result) -> None:
    """What is no peer's own work must not fail: what came after it would be no measurement."""
    if "failed" in result:
        raise SystemExit(f"orchestration: {result['failed']}")


def change_params(path: Path, changes: Mapping[str, Mapping[str, object]]) -> None:
    """Change some values of a whole parameter file: DVC wants every section that dvc.yaml names to be there."""
    sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, values in changes.items():
        sections[name] = {**sections[name], **values}
    path.write_text(yaml.safe_dump(sections, sort_keys=False), encoding="utf-8")


@contextmanager
def server(folder: Path) -> Iterator[None]:
    """A Prefect server of a clone, on a port that is free, which its flow finds."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        os.environ[PORT] = str(free.getsockname()[1])
    try:
        must(run(python("flows.server", "start"), folder))
        yield
    finally:
        must(run(python("flows.server", "stop"), folder))
        del os.environ[PORT]
