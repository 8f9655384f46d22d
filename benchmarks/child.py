"""One measured run: a child process, its wall time, peak memory, and what it says on its last line."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent
THREADS = str(os.cpu_count() or 1)
LIMITS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), THREADS)
BEGAN = "BENCHMARK_BEGAN"  # when the child was started, for it to tell times that hold its own start
PROGRESS_S = 30.0

Tell = Callable[[str], None]
Result = dict[str, Any]


def run(command: Sequence[str], cwd: Path | None = None, tell: Tell | None = None) -> Result:
    """Run to the end: seconds, cpu_seconds, peak_kb, and the fields of stdout's last line, if it is a JSON object.

    A run that fails has `failed`, its last line of error, and nothing else: a peer that is not installed is no fault.
    `tell` hears twice a minute what the child last said on stderr.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, **LIMITS, "PYTHONPATH": str(ROOT), "PATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        environment[BEGAN] = repr(time.time())
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, process_group=0
        )
        ended = threading.Event()
        teller = threading.Thread(target=_tell_progress, args=(tell, began, err.fileno(), ended), daemon=True)
        teller.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if process.returncode is None:  # we were interrupted: neither child nor grandchild goes on behind our back
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            ended.set()
            teller.join()
        out.seek(0)
        err.seek(0)
        said, complaint = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if process.returncode:
        return {"failed": (complaint.strip().splitlines() or [f"exit code {process.returncode}"])[-1]}
    result: Result = {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_kb": usage.ru_maxrss,
    }
    last = (said.strip().splitlines() or [""])[-1]
    return result | (json.loads(last) if last.startswith("{") else {})


def _tell_progress(tell: Tell | None, began: float, err: int, ended: threading.Event) -> None:
    while tell and not ended.wait(PROGRESS_S):
        size = os.fstat(err).st_size
        lines = os.pread(err, 2000, max(0, size - 2000)).decode(errors="replace").strip().splitlines()
        tell(f"    {time.perf_counter() - began:.0f} s: {lines[-1] if lines else 'running'}")


def since_start() -> float:
    """In a child: seconds since it was started, its imports included."""
    return time.time() - float(os.environ[BEGAN])


def median_of(results: Sequence[Result], key: str = "seconds") -> float | None:
    """None where the peer did not run."""
    values = [result[key] for result in results if key in result]
    return float(median(values)) if values else None


def python(module: str, *arguments: object) -> list[str]:
    """A module of ours in a child."""
    return [sys.executable, "-m", module, *map(str, arguments)]
