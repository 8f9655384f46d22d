"""Part `validate`: decode a folder of images. Ours also checks the CSVs, hashes perceptually and groups duplicates."""

import functools
from collections.abc import Callable
from pathlib import Path

from benchmarks.child import Result, module_command, run_child
from benchmarks.peers import Peer
from benchmarks.setting import Setting
from benchmarks.workspace import prepare_workspace


def list_peers(setting: Setting) -> dict[str, Peer]:
    """Return the peers of the part."""

    @functools.cache
    def prepare_root() -> Path:
        return prepare_workspace(setting.data, setting.root / "work", setting.changes).resolve()

    def run_pillow() -> Result:
        return run_child(module_command("benchmarks.validate_pillow", prepare_root() / "data/images"))

    def run_cleanvision() -> Result:
        images = prepare_root() / "data/images"
        command = module_command("benchmarks.validate_cleanvision", images, python=setting.bench_python)
        return run_child(command, log=setting.log)

    runs: dict[str, Callable[[], Result]] = {
        "ours": lambda: run_child(module_command("facegender", "validate"), prepare_root()),
        "pillow loop, sha-256": run_pillow,
        "cleanvision": run_cleanvision,
    }
    return {name: Peer(run, setting.repeats) for name, run in runs.items()}
