"""Run a stage of ours in a child, pass on its log, and note when each epoch of fine-tuning ends."""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass

EPOCH = re.compile(r"train: fine_tune epoch ")  # in the line that `facegender train` logs at the end of an epoch


@dataclass(frozen=True)
class StageRun:
    """What a stage took, in seconds, and when its epochs ended, in `time.time()`."""

    seconds: float
    cpu_seconds: float
    epoch_ends: list[float]


def run_stage(stage: str, *options: str) -> StageRun:
    """Run `facegender STAGE`; end this process if it fails."""
    start, ends = time.perf_counter(), []
    command = [sys.executable, "-m", "facegender", stage, *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    for line in process.stderr:
        print(line, end="", file=sys.stderr, flush=True)
        if EPOCH.search(line):
            ends.append(time.time())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"facegender {stage} failed")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return StageRun(round(time.perf_counter() - start, 2), round(cpu_seconds, 2), ends)
