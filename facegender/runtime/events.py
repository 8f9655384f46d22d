"""What a stage tells whoever started it, beside what it prints: one JSON object a line in the file $FACEGENDER_EVENTS.

A Prefect task starts a stage two processes away, through DVC, which closes every inherited handle but the standard
ones; a file is what gets through. Kinds: `progress` (stage, done, total, unit, rate, seconds_left), `epoch` (its row of
history.csv), `error` (message) and `note` (message). Without the variable nothing is written.
"""

import json
import os
from pathlib import Path

VARIABLE = "FACEGENDER_EVENTS"


def emit(kind: str, **fields: object) -> None:
    """Append one event."""
    path = os.environ.get(VARIABLE)
    if not path:
        return
    line = json.dumps({"kind": kind, **fields})
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
