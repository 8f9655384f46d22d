"""Time several workloads in one process, in turn, so that whatever slows the machine slows all of them."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Workload = Callable[[], Any]


@dataclass(frozen=True)
class Took:
    """Seconds that one call took: of the clock, and of the CPU over all threads."""

    wall: float
    cpu: float


def time_in_turns(workloads: Mapping[str, Workload], rounds: int, warm_up: int = 1) -> dict[str, list[Took]]:
    """Call every workload once a round and return its times, without the `warm_up` rounds that come first."""
    times: dict[str, list[Took]] = {name: [] for name in workloads}
    for turn in range(warm_up + rounds):
        for name, run in workloads.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            took = Took(time.perf_counter() - wall, time.process_time() - cpu)
            if turn >= warm_up:
                times[name].append(took)
    return times


def consume(results: Iterable[Any]) -> None:
    """Wait for every result and keep none."""
    deque(results, maxlen=0)
