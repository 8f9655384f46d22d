"""What the runs of a part must have in common to stand in one table: machine, versions, code, data, parameters."""

import subprocess
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.machine import MOMENT
from benchmarks.setting import Setting
from facegender.runtime import code_fingerprint

ROOT = Path(__file__).parent.parent


def identity(setting: Setting, where: dict[str, Any], code: Sequence[str], uses_data: bool) -> dict[str, Any]:
    """`where`: of benchmarks.machine; `code`: patterns of the files that the part runs, below the project's folder.

    The code counts by what it does, not by its commit: a commit that touches only documents, or comments, changes no
    measurement.
    """
    files = {path for pattern in code for path in ROOT.glob(pattern) if path.is_file()}
    modules = {path for path in files if path.suffix == ".py"}
    weights = Path(setting.weights)
    return {
        **{name: value for name, value in where.items() if name not in MOMENT},
        "code": code_fingerprint.fingerprint(ROOT, (path.relative_to(ROOT) for path in modules)),
        "other files": fingerprint(ROOT, files - modules),
        "data": fingerprint(setting.data, setting.data.rglob("*")) if uses_data else "not used",
        "weights": fingerprint(weights.parent, [weights]) if weights.is_file() else setting.weights,
        "parameters": {name: values for name, values in setting.changes.items() if name != "backbone"}
        | {"backbone": {k: v for k, v in setting.changes.get("backbone", {}).items() if k != "weights"}},
        "epochs of the plain scripts": setting.epochs,
    }


def fingerprint(root: Path, files: Iterable[Path]) -> str:
    """Of names below `root` and contents."""
    digest = sha256()
    for path in sorted(files):
        if path.is_file():
            digest.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def commit() -> str:
    """The checkout's, short; with a + where files that git tracks have been changed."""
    head = _git("rev-parse", "--short", "HEAD")
    return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "") if head else "no git"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()
