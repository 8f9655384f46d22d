"""Memory given back, and kept."""

import platform
import subprocess
import sys

import pytest

HOLES = """
from facegender.runtime.memory import release_freed
def resident():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1])
blocks = [bytes(2000) for _ in range(40_000)]
kept = blocks[::20]  # one of twenty stays, so that no long stretch of the heap is free
full = resident()
del blocks
before = resident()
release_freed()
print(full - before, before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_what_lies_between_blocks_in_use_is_given_back() -> None:
    said = subprocess.run([sys.executable, "-c", HOLES], capture_output=True, text=True, check=True).stdout
    by_itself, by_trim = map(int, said.split())
    assert by_itself < 10_000  # kB of 80,000
    assert by_trim > 50_000


STEPS = """
import resource
from facegender.runtime.memory import retain_freed
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        blocks = [bytes(100_000) for _ in range(100)]  # 10 MB, freed at the end of each step
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults())
retain_freed()
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's heap is meant")
def test_what_every_step_asks_for_is_kept() -> None:
    said = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True).stdout
    by_itself, kept = map(int, said.split())
    assert by_itself > 20_000  # pages of 4 kB: all of them, at every step
    assert kept < 2_000
