"""Measure a child process: wall time, CPU time, peak memory and the JSON object on its last line."""

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
THREAD_LIMITS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), THREADS)
START_VARIABLE = "BENCHMARK_BEGAN"  # when the child was started, so that its own times can include its imports
PROGRESS_S = 30.0

Log = Callable[[str], None]
Result = dict[str, Any]


def run_child(command: Sequence[str], cwd: Path | None = None, log: Log | None = None) -> Result:
    """Run a command to its end and measure it.

    Returns `seconds`, `cpu_seconds` and `peak_kb`, and the fields of stdout's last line if that is a JSON object.
    A failed run returns only `failed`, the last line of stderr, so that a peer that is not installed stops nothing.
    `log` receives the child's latest line of stderr twice a minute.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, **THREAD_LIMITS, "PYTHONPATH": str(ROOT), "PATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        environment[START_VARIABLE] = repr(time.time())
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, process_group=0
        )
        ended = threading.Event()
        logger = threading.Thread(target=_log_progress, args=(log, began, err.fileno(), ended), daemon=True)
        logger.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if process.returncode is None:  # we were interrupted: end the child and its own children too
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            ended.set()
            logger.join()
        out.seek(0)
        err.seek(0)
        output, errors = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if process.returncode:
        return {"failed": (errors.strip().splitlines() or [f"exit code {process.returncode}"])[-1]}
    result: Result = {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_kb": usage.ru_maxrss,
    }
    last = (output.strip().splitlines() or [""])[-1]
    return result | (json.loads(last) if last.startswith("{") else {})


def _log_progress(log: Log | None, began: float, err: int, ended: threading.Event) -> None:
    while log and not ended.wait(PROGRESS_S):
        size = os.fstat(err).st_size
        lines = os.pread(err, 2000, max(0, size - 2000)).decode(errors="replace").strip().splitlines()
        log(f"    {time.perf_counter() - began:.0f} s: {lines[-1] if lines else 'running'}")


def require_success(result: Result, what: str) -> Result:
    """Return the result of a run without which nothing can be measured.

    Raises
    ------
    SystemExit
        The run failed.
    """
    if "failed" in result:
        raise SystemExit(f"{what}: {result['failed']}")
    return result


def module_command(module: str, *arguments: object, python: str = sys.executable) -> list[str]:
    """Return the command that runs a Python module."""
    return [python, "-m", module, *map(str, arguments)]


def seconds_since_start(moment: float | None = None) -> float:
    """Return how long, in seconds, this child process had run at a moment of `time.time()`, by default now."""
    return (time.time() if moment is None else moment) - float(os.environ[START_VARIABLE])


def median_of(results: Sequence[Result], key: str = "seconds") -> float | None:
    """Return the median of a field over runs, or None if no run has it."""
    values = [result[key] for result in results if key in result]
    return float(median(values)) if values else None
