"""The identity of a part's runs: what they must have in common to stand in one table.

It consists of the machine, package versions, code, data and parameters.
"""

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.machine import MOMENT
from benchmarks.setting import Setting
from facegender.runtime import code_fingerprint

ROOT = Path(__file__).parent.parent


def identify_runs(setting: Setting, machine: Mapping[str, Any], code: Sequence[str], uses_data: bool) -> dict[str, Any]:
    """Return the identity of runs on a machine that `benchmarks.machine` describes.

    `code` holds patterns, below the project's folder, of the files that the part runs. Code counts by what it does, not
    by its commit: a commit that touches only documents or comments changes no measurement.
    """
    files = {path for pattern in code for path in ROOT.glob(pattern) if path.is_file()}
    modules = {path for path in files if path.suffix == ".py"}
    weights = Path(setting.weights)
    return {
        **{name: value for name, value in machine.items() if name not in MOMENT},
        "code": code_fingerprint.fingerprint_files(ROOT, (path.relative_to(ROOT) for path in modules)),
        "other files": hash_files(ROOT, files - modules),
        "data": hash_files(setting.data, setting.data.rglob("*")) if uses_data else "not used",
        "weights": hash_files(weights.parent, [weights]) if weights.is_file() else setting.weights,
        "parameters": {name: values for name, values in setting.changes.items() if name != "backbone"}
        | {"backbone": {k: v for k, v in setting.changes.get("backbone", {}).items() if k != "weights"}},
        "epochs of the plain scripts": setting.epochs,
    }


def hash_files(root: Path, files: Iterable[Path]) -> str:
    """Return a hash of the files' names below `root`, sizes and contents."""
    digest = sha256()
    for path in sorted(files):
        if path.is_file():
            digest.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def read_commit() -> str:
    """Return the checkout's short commit, with a + if files that git tracks have changed since."""
    head = _git("rev-parse", "--short", "HEAD")
    return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "") if head else "no git"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()
