"""Memory that was freed, given back: the C library keeps what lies between blocks that are still in use."""

import ctypes
import sys


def trim() -> None:
    """Call it behind a step that held much for a short time, so that what follows does not come on top of it.

    Of Linux's C library; elsewhere nothing is done.
    """
    if sys.platform == "linux":
        trim_heap = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim_heap is not None:
            trim_heap(0)
