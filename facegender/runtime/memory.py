"""Memory that was freed: the C library gives some of it back too late, and some too early."""

import ctypes
import sys
from typing import Any, Final

TOP_PAD: Final = -2  # M_TOP_PAD of malloc.h: bytes kept at the end of each heap when the rest is given back
KEPT: Final = 16 << 20  # bytes


def trim() -> None:
    """Call it behind a step that held much for a short time, so that what follows does not come on top of it.

    The C library keeps what lies between blocks that are still in use.
    """
    _call("malloc_trim", 0)


def keep() -> None:
    """Call it before a step that frees and asks for the same blocks over and over.

    A training step's tensors are given back to the kernel at its end, and it clears the same pages anew for the next:
    a tenth of the time of a training. Kept, they take 50 to 110 MB.
    """
    _call("mallopt", TOP_PAD, KEPT)


def _call(function: str, *arguments: int) -> None:
    # glibc's; elsewhere nothing is done
    found: Any = getattr(ctypes.CDLL(None), function, None) if sys.platform == "linux" else None
    if found is not None:
        found(*arguments)
