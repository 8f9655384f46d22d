"""Processes that read images, one a core. Processes, because half of what an image takes is Python, of which threads of
one process run one at a time; started anew, not forked, because TensorFlow may have been imported.

Each gets one list of names at a time on its standard input, and answers it with `Images` on its standard output.
"""

import selectors
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, TypeVar, cast

from facegender.data.reader_protocol import Images, Limits, receive_images, send_names
from facegender.errors import UserError
from facegender.params.sections import ValidateParams
from facegender.runtime.cores import usable_cores

if TYPE_CHECKING:
    from facegender.data.reader_process import serve  # noqa: F401  by PROGRAM; a test holds dvc.yaml to what is imported

Key = TypeVar("Key")
Process = subprocess.Popen[bytes]

MOST = 12  # processes; more would wait for the one that asks
PROGRAM = """
import sys
from facegender.data.reader_protocol import Limits
from facegender.data.reader_process import serve
folder, *numbers = sys.argv[1:]
pixels, size, process, processes = map(int, numbers)
serve(folder, Limits(pixels, size), process, processes)
"""


class Readers:
    """From its beginning to the end of the block the processes read `folder`; until they are asked, ahead."""

    def __init__(self, folder: Path, params: ValidateParams) -> None:
        self._folder = folder
        self._limits = Limits(params.max_pixels, params.max_bytes)
        self._processes: list[Process] = []

    def __enter__(self) -> "Readers":
        n = min(usable_cores(), MOST)
        # Ctrl-C reaches the whole group of processes; this one alone is to answer it, and ends the others
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            for number in range(n):
                arguments = map(str, (self._folder, *self._limits, number, n))
                command = [sys.executable, "-c", PROGRAM, *arguments]
                pipe = subprocess.PIPE
                self._processes.append(subprocess.Popen(command, stdin=pipe, stdout=pipe))
        except BaseException:
            self.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, whatever they do."""
        for process in self._processes:
            process.kill()
            process.communicate()
        self._processes.clear()

    def ahead(self) -> list[Images]:
        """What has been read before anything was asked for; ends the reading ahead."""
        return [images for _, images in self.read([(None, [])] * len(self._processes))]

    def read(self, requests: Iterable[tuple[Key, list[str]]]) -> Iterator[tuple[Key, Images]]:
        """Read the names of each request, and give its key with what was found, in the order in which they are done."""
        waiting = iter(requests)
        with selectors.DefaultSelector() as answers:

            def ask(process: Process) -> None:
                for key, names in waiting:
                    _send(process, names)
                    answers.register(_pipe(process.stdout), selectors.EVENT_READ, (process, key))
                    return

            for process in self._processes:
                ask(process)
            while answers.get_map():
                for answer, _ in answers.select():
                    process, key = answer.data
                    answers.unregister(answer.fileobj)
                    images = _receive(process)
                    ask(process)  # before the answer is used, so that the process need not wait for that
                    yield key, images


def _send(process: Process, names: list[str]) -> None:
    pipe = _pipe(process.stdin)
    try:
        send_names(pipe, names)
    except BrokenPipeError:
        raise _ended(process) from None


def _receive(process: Process) -> Images:
    try:
        return receive_images(_pipe(process.stdout))
    except EOFError:
        raise _ended(process) from None


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    return cast("IO[bytes]", pipe)


def _ended(process: Process) -> Exception:
    code = process.wait()
    if code >= 0:
        return RuntimeError(f"a process that reads images ended with exit code {code}; its own message stands above")
    return UserError(
        "images",
        "every process that reads them must live to the end",
        f"one was ended by {signal.Signals(-code).name}",
        "Is there enough memory? Run it again.",
    )
