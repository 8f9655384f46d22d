"""Resumable work: a folder whose name is a hash of everything that the work depends on.

After a kill, only work with the same dependencies resumes from it. The folder stores its dependencies in
depends_on.json, so that the log can say why work is not resumed.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from facegender.files.atomic import atomic_file
from facegender.files.json_files import read_json, write_json

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
    """Return the folder below `root` for work with these dependencies; it may not exist."""
    return root / hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:16]


def open_work(root: Path, depends_on: Mapping[str, Any], what: str) -> Path:
    """Create or reuse the folder for work with these dependencies; delete work with any other, and log the reason.

    Parameters
    ----------
    root
        Folder of the unfinished work of one stage.
    depends_on
        Everything that decides the result, as JSON values.
    what
        Name of the work, for the log.
    """
    folder = work_folder(root, depends_on)
    for other in root.glob("*"):
        if other != folder:
            logger.info("%s: starts over, because %s", what, _explain_restart(other / DEPENDS_ON, depends_on))
            shutil.rmtree(other)  # nothing will ever resume it
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / DEPENDS_ON).exists():
        with atomic_file(folder / DEPENDS_ON) as file:
            write_json(file, depends_on)
    return folder


def _explain_restart(note: Path, depends_on: Mapping[str, Any]) -> str:
    try:
        before = read_json(note)
    except FileNotFoundError:
        return CHANGED["code"]  # it was started by code that wrote no such file
    now = json.loads(json.dumps(depends_on))
    changed = [name for name in CHANGED if before.get(name) != now.get(name)]
    return " and ".join(CHANGED[name] for name in changed)
