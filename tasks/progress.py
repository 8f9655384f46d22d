"""Progress in the Prefect UI: a bar on the task's page that moves while the stage runs."""

import time
from typing import Any
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

SHOW_EVERY_S = 2.0  # each update is a call of the API


class ProgressArtifact:
    """Shows the progress events of one stage: one artifact for each thing that the stage counts."""

    def __init__(self, stage: str) -> None:
        self.stage = slugify(stage)
        self._artifacts: dict[str, UUID] = {}
        self._shown = 0.0

    def show(self, event: dict[str, Any]) -> None:
        """Move the bar at the start, at the end, and in between at most every SHOW_EVERY_S seconds."""
        if event["kind"] != "progress":
            return
        now = time.monotonic()
        what = str(event["what"])
        at_end = event["done"] >= event["total"]
        if what in self._artifacts and not at_end and now - self._shown < SHOW_EVERY_S:
            return
        self._shown = now
        percent = 100.0 * event["done"] / event["total"] if event["total"] else 100.0
        if what in self._artifacts:
            update_progress_artifact(self._artifacts[what], progress=percent, description=format_progress(event))
        else:
            name = slugify(what).removeprefix(self.stage).strip("-")
            key = "-".join(filter(None, ["progress", self.stage, name]))
            artifact = create_progress_artifact(progress=percent, key=key, description=format_progress(event))
            assert isinstance(artifact, UUID)
            self._artifacts[what] = artifact


def format_progress(event: dict[str, Any]) -> str:
    """Format a progress event: "features: 1,200 of 4,800 images · 93 images/s · 39 s left"."""
    parts = [f"{event['what']}: {event['done']:,} of {event['total']:,} {event['unit']}"]
    if event["rate"]:
        parts.append(f"{event['rate']:,.0f} {event['unit']}/s")
    left = event["seconds_left"]
    if left:
        parts.append(f"{left:,.0f} s left" if left < 120 else f"{left / 60:,.0f} min left")
    return " · ".join(parts)


def slugify(text: str) -> str:
    """Reduce text to what Prefect allows in an artifact's key: lowercase letters, digits and dashes."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in text.lower()).split())
