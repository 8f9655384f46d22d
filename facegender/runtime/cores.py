"""Divide the processor's cores among processes that run side by side."""

import os


def usable_cores() -> int:
    """Return the number of cores that this process may use; in a container that can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_cores(processes: int) -> int:
    """Limit TensorFlow's threads to this process's share of the cores, and return their number (at least 1).

    Call it before TensorFlow is imported. Variables that the user has set in the environment are kept.
    """
    threads = max(1, usable_cores() // processes)
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    return threads
