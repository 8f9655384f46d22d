"""Processes that work side by side share the processor's cores, instead of each taking them all."""

import os


def usable_cores() -> int:
    """How many this process may use, which in a container can be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_cores(processes: int) -> int:
    """Tell TensorFlow, which is still to be imported, to use its part of the cores; gives the threads it may use.

    What the user has set in the environment stays.
    """
    threads = max(1, usable_cores() // processes)
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    return threads
