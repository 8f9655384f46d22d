"""Read and write JSON files. No other module of this package does."""

import json
from pathlib import Path
from typing import Any


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object."""
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def write_json(path: Path, values: Any) -> None:
    """Write values indented, in the given order, ending in a line break.

    The file is not written atomically: give a path inside `atomic_file` or `atomic_folder`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "metrics.json"
    >>> write_json(path, {"accuracy": 0.861, "n": 1200})
    >>> print(path.read_text(), end="")
    {
      "accuracy": 0.861,
      "n": 1200
    }
    >>> read_json(path)
    {'accuracy': 0.861, 'n': 1200}
    """
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
