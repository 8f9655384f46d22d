"""Progress of long work: a bar in a terminal, a line every 10 s in a log, and an event a second for the parent."""

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
    """Show the progress of `total` units of work; yield a function to call with the number of units just finished.

    Parameters
    ----------
    what, unit
        Name of the work and of its unit, as shown: "features", "images".
    total
        Number of units.
    done
        Units that an earlier, killed run has finished. They count as done, but not towards the rate.
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
    """Counts units, measures the rate, and limits how often lines and events are written."""

    def __init__(self, what: str, total: int, unit: str, done: int) -> None:
        self.what, self.total, self.unit, self.done = what, total, unit, done
        self.done_before = done
        self.start = self.last_log = self.last_event = time.monotonic()

    @property
    def rate(self) -> float:
        """Units per second, counting only those done by this process."""
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
            self._print(f"{self.rate:,.0f} {self.unit}/s, {left:,.0f} s left")

    def finish(self, log: bool) -> None:
        self.total = self.done  # less than planned if early stopping ended a training: nothing is left to do
        self._emit()
        if log:
            self._print(f"{self.rate:,.0f} {self.unit}/s, {time.monotonic() - self.start:,.1f} s")

    def _print(self, rest: str) -> None:
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
