"""Processes that read images, one a core.

Processes, because half of what an image takes is Python, of which threads of one process run one at a time. They are
spawned, not forked, because TensorFlow may have been imported. A spawned process imports this module and the main one
(`facegender.cli.app`), so that neither may import anything large.
"""

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import islice
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, TypeVar

from facegender.data.reader_protocol import Images, Limits
from facegender.errors import UserError
from facegender.runtime.cores import usable_cores

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

    from facegender.data.reader_process import ImageFolder
    from facegender.params.sections import ValidateParams

Key = TypeVar("Key")

MOST: Final = 12  # processes; more would wait for the one that asks
READ_AHEAD: Final = 8192  # images that wait, with their thumbnails, until they are asked for, over all processes
AT_ONCE: Final = 8  # images read ahead between two looks at whether the first request is there


class Readers:
    """Worker processes for `folder`, alive inside the `with` block; they read ahead until the first request."""

    def __init__(self, folder: Path, params: "ValidateParams") -> None:
        self._folder = folder
        self._limits = Limits(params.max_pixels, params.max_bytes)
        self._processes: list[BaseProcess] = []
        self._ahead: list[Future[Images]] = []

    def __enter__(self) -> "Readers":
        spawn = multiprocessing.get_context("spawn")
        n = min(usable_cores(), MOST)
        self._asked = spawn.Event()
        arguments = str(self._folder), self._limits, self._asked
        self._pool = ProcessPoolExecutor(n, spawn, initializer=_begin, initargs=arguments)
        others = set(multiprocessing.active_children())
        # Ctrl-C reaches the whole process group. This process alone answers it, and ends the workers.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            self._ahead = [self._pool.submit(_read_ahead, number, n) for number in range(n)]  # each starts a process
        finally:
            self._processes = [process for process in multiprocessing.active_children() if process not in others]
            if len(self._ahead) < n:
                self.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the workers, whatever they are doing."""
        for process in self._processes:
            process.kill()
        self._pool.shutdown(cancel_futures=True)

    def ahead(self) -> list[Images]:
        """What the workers read before the first request; ends the reading ahead."""
        self._asked.set()
        found = [self._result(future) for future in self._ahead]
        self._ahead.clear()
        return found

    def read(self, requests: Iterable[tuple[Key, list[str]]]) -> Iterator[tuple[Key, Images]]:
        """Read the names of each request; give its key and what was found, in the order in which requests finish."""
        self._asked.set()
        waiting = iter(requests)
        key_of: dict[Future[Images], Key] = {}

        def ask(count: int) -> None:
            for key, names in islice(waiting, count):
                key_of[self._submit(names)] = key

        ask(len(self._processes) + 1)  # the one more waits in the pool's queue, so that no worker does
        while key_of:
            done, _ = wait(key_of, return_when=FIRST_COMPLETED)
            ask(len(done))  # before the results are used, so that the workers need not wait for that
            for future in done:
                yield key_of.pop(future), self._result(future)

    def _submit(self, names: list[str]) -> Future[Images]:
        try:
            return self._pool.submit(_read, names)
        except BrokenProcessPool:
            raise self._ended() from None

    def _result(self, future: Future[Images]) -> Images:
        try:
            return future.result()
        except BrokenProcessPool:
            raise self._ended() from None

    def _ended(self) -> Exception:
        """Why the pool is broken. The pool itself ends the workers that are left, by SIGTERM."""
        self._pool.shutdown()
        codes = [process.exitcode or 0 for process in self._processes]
        killed = min(codes, key=lambda code: (code >= 0, code == -signal.SIGTERM))
        if killed >= 0:
            return RuntimeError("a process that reads images ended; its own message stands above")
        return UserError(
            "images",
            "every process that reads them must live to the end",
            f"one was ended by {signal.Signals(-killed).name}",
            "Is there enough memory? Run it again.",
        )


# In a worker: the folder that it reads, and whether the first request is there
_images: "ImageFolder"
_asked: "Event"


def _begin(folder: str, limits: Limits, asked: "Event") -> None:
    from facegender.data.reader_process import ImageFolder  # Pillow, which the asking process does not wait for

    global _images, _asked
    _images, _asked = ImageFolder(folder, limits), asked
    warnings.simplefilter("ignore")  # Pillow's remarks on odd files: decoding finds what matters of them
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when the asking process has ended, even by SIGKILL: the pool alone would leave it behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _read_ahead(worker: int, workers: int) -> Images:
    """Until the first request, read every `workers`-th file of the folder, from number `worker` on."""
    ahead = _images.read([])
    waiting = islice(_images.plain_files(), worker, READ_AHEAD, workers)
    with suppress(Exception):  # perhaps nobody asks for that file; for whoever does, the error is raised then
        while not _asked.is_set() and (names := list(islice(waiting, AT_ONCE))):
            ahead.extend(_images.read(names))
    return ahead


def _read(names: list[str]) -> Images:
    return _images.read(names)
