"""Events from a stage to the process that started it: one JSON object a line, in the file $FACEGENDER_EVENTS.

A Prefect task starts a stage two processes away, through DVC. DVC closes every inherited file descriptor but the
standard ones, so events go through a file. Kinds: `progress` (what, done, total, unit, rate, seconds_left), `epoch`
(its row of history.csv), `error` (message) and `note` (message). If the variable is not set, nothing is written.
"""

import json
import os
from pathlib import Path

VARIABLE = "FACEGENDER_EVENTS"


def emit(kind: str, **fields: object) -> None:
    """Append one event to the file; `fields` must be JSON values."""
    path = os.environ.get(VARIABLE)
    if not path:
        return
    line = json.dumps({"kind": kind, **fields})
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
