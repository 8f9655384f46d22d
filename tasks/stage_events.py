"""Reads what a stage tells in its events file while it writes it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class StageEvents:
    """The events of one run of a stage.

    Attributes
    ----------
    error
        The message of the user's mistake that ended the stage, if one did.
    notes
        What else it wanted said.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: str | None = None
        self.notes: list[str] = []
        self._read = 0

    def new(self) -> Iterator[dict[str, Any]]:
        """The events that came since the last call; a line that is not yet whole waits for the next."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            whole, end, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + len(end)
        for line in whole.splitlines():
            event: dict[str, Any] = json.loads(line)
            if event["kind"] == "error":
                self.error = str(event["message"])
            elif event["kind"] == "note":
                self.notes.append(str(event["message"]))
            yield event
