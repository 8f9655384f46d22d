"""Reads a stage's events file while the stage writes it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class StageEvents:
    """The events of one run of a stage.

    Attributes
    ----------
    error
        The message for the user, if a mistake of the user's ended the stage.
    notes
        Its other messages.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: str | None = None
        self.notes: list[str] = []
        self._read = 0

    def read_new(self) -> Iterator[dict[str, Any]]:
        """Yield the events since the last call; an unfinished line waits for the next call."""
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
