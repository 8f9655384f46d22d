"""One measured run: a child process, its wall time, peak memory, and what it says on its last line."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent
THREADS = str(os.cpu_count() or 1)
LIMITS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), THREADS)


def run(command: Sequence[str], cwd: Path | None = None) -> dict[str, Any]:
    """Run to the end: seconds, cpu_seconds, peak_kb, and the fields of stdout's last line, if it is a JSON object.

    A run that fails has `failed`, its last line of error, and nothing else: a peer that is not installed is no fault.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, **LIMITS, "PYTHONPATH": str(ROOT), "PATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, stdout=out, stderr=err, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said, complaint = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if process.returncode:
        return {"failed": (complaint.strip().splitlines() or [f"exit code {process.returncode}"])[-1]}
    processor = usage.ru_utime + usage.ru_stime
    result: dict[str, Any] = {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(processor, 3),
        "peak_kb": usage.ru_maxrss,
    }
    last = (said.strip().splitlines() or [""])[-1]
    return result | (json.loads(last) if last.startswith("{") else {})


def interleaved(
    runs: dict[str, Callable[[], dict[str, Any]]], repeats: int, tell: Callable[[str], None]
) -> dict[str, list[dict[str, Any]]]:
    """Each run once, then each again: what slows the machine for a while slows all of them. One that fails is left."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in runs}
    for turn in range(repeats):
        for name, go in runs.items():
            if any("failed" in result for result in results[name]):
                continue
            results[name].append(go())
            shown = {key: value for key, value in results[name][-1].items() if not isinstance(value, list)}
            tell(f"  {name}, {turn + 1} of {repeats}: {shown}")
    return results


def median_of(results: Sequence[dict[str, Any]], key: str = "seconds") -> float | None:
    """None where the peer did not run."""
    values = [result[key] for result in results if key in result]
    return float(median(values)) if values else None


def python(module: str, *arguments: object) -> list[str]:
    """A module of ours in a child."""
    return [sys.executable, "-m", module, *map(str, arguments)]
