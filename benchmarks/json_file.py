"""JSON objects in files: the raw results of the benchmarks."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facegender.files.atomic import atomic_file


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def read_json_if_present(path: Path) -> dict[str, Any] | None:
    """Read a JSON object from a file, or return None if there is no such file."""
    return read_json(path) if path.exists() else None


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object to a file, whole or not at all; create the folder if it is missing."""
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
