"""Unfinished work: a folder named by all that the work depends on, so that nothing else resumes what a kill leaves.

A folder keeps what it depends on as depends_on.json, for whoever finds it to say why it is not resumed.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from facegender.files.atomic import atomic_file

logger = logging.getLogger(__name__)

DEPENDS_ON: Final = "depends_on.json"
CHANGED: Final = {
    "train": "parameters under train have changed",
    "manifest": "what the features depend on has changed",
    "rows": "rows, labels or their split have changed",
    "versions": "package versions have changed",
    "code": "the code has changed",
}


def work_folder(root: Path, depends_on: Mapping[str, Any]) -> Path:
    """The folder below `root` for work that depends on this."""
    return root / hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:16]


def open_work(root: Path, depends_on: Mapping[str, Any], what: str) -> Path:
    """Its folder, made where it is missing; work that was begun otherwise is removed, and the log says why."""
    folder = work_folder(root, depends_on)
    for other in root.glob("*"):
        if other != folder:
            logger.info("%s: begins anew, for %s since", what, _reason(other / DEPENDS_ON, depends_on))
            shutil.rmtree(other)  # will never be asked for again
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / DEPENDS_ON).exists():
        with atomic_file(folder / DEPENDS_ON) as file:
            file.write_text(json.dumps(depends_on, sort_keys=True), encoding="utf-8")
    return folder


def _reason(note: Path, depends_on: Mapping[str, Any]) -> str:
    try:
        before = json.loads(note.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return CHANGED["code"]  # by code that left no note
    now = json.loads(json.dumps(depends_on))
    changed = [name for name in CHANGED if before.get(name) != now.get(name)]
    return " and ".join(CHANGED[name] for name in changed)
