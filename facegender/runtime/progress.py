"""Progress of long work: a bar in a terminal, a line now and then in a log, an event for whoever started us."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from facegender.runtime import events

LOG_EVERY_S = 10.0
EVENT_EVERY_S = 1.0

Advance = Callable[[int], None]


@contextmanager
def track(what: str, total: int, unit: str, done: int = 0) -> Iterator[Advance]:
    """Show the progress of `total` units of `what`; the block calls the function it is given with units done.

    `done` units that an earlier, killed run has finished count as done, but not into the rate.
    """
    meter = _Meter(what, total, unit, done)
    if not sys.stderr.isatty():
        yield lambda units: meter.advance(units, log=True)
        meter.finish(log=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total, completed=done, rate="")

        def advance(units: int) -> None:
            meter.advance(units, log=False)
            bar.update(task, advance=units, rate=f"{meter.rate:,.0f} {unit}/s")

        yield advance
        meter.finish(log=False)


class _Meter:
    """Counts, times, and says so at most so often."""

    def __init__(self, what: str, total: int, unit: str, done: int) -> None:
        self.what, self.total, self.unit, self.done = what, total, unit, done
        self.done_before = done
        self.start = self.last_log = self.last_event = time.monotonic()

    @property
    def rate(self) -> float:
        """Units a second, in this process."""
        elapsed = time.monotonic() - self.start
        return (self.done - self.done_before) / elapsed if elapsed > 0 else 0.0

    def advance(self, units: int, log: bool) -> None:
        self.done += units
        now = time.monotonic()
        if now - self.last_event >= EVENT_EVERY_S:
            self.last_event = now
            self._emit()
        if log and now - self.last_log >= LOG_EVERY_S and self.done < self.total:
            self.last_log = now
            left = (self.total - self.done) / self.rate if self.rate else 0.0
            self._say(f"{self.rate:,.0f} {self.unit}/s, {left:,.0f} s left")

    def finish(self, log: bool) -> None:
        self.total = self.done  # less than was planned where patience has ended a training: nothing is left
        self._emit()
        if log:
            self._say(f"{self.rate:,.0f} {self.unit}/s, {time.monotonic() - self.start:,.1f} s")

    def _say(self, rest: str) -> None:
        sys.stderr.write(f"{self.what}: {self.done:,}/{self.total:,} {self.unit}, {rest}\n")

    def _emit(self) -> None:
        rate = self.rate
        left = (self.total - self.done) / rate if rate else None
        events.emit(
            "progress",
            what=self.what,
            done=self.done,
            total=self.total,
            unit=self.unit,
            rate=rate,
            seconds_left=left,
        )
