"""Importing TensorFlow without its remarks, and without looking for garbage in it.

Before its logging is set up, TensorFlow writes lines about oneDNN and CUDA straight to the process's error stream,
whatever TF_CPP_MIN_LOG_LEVEL says. They tell the user nothing, and hide what does.
"""

import gc
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


@contextmanager
def held_stderr() -> Iterator[None]:
    """Hold back what is written to the error stream's handle; if the block fails, let it all out."""
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(original, held.read())
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)


@contextmanager
def unavailable(*modules: str) -> Iterator[None]:
    """Within, these modules cannot be imported, unless they have been already."""
    hidden = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is what an import fails at
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def uncollected() -> Iterator[None]:
    """Within, nobody looks for garbage; what is there at the end is never looked through again.

    Modules are no garbage. Python's collector goes through the hundreds of thousands of objects that TensorFlow brings
    along many times while they come in, then whenever a network is built, and once more at the end: a second a process.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if collects:
            gc.enable()


def import_tensorflow() -> None:
    """Import it once, quietly, and wake the parts that have remarks of their own.

    Keras imports scikit-learn and matplotlib where it finds them, for wrappers and galleries that nobody needs here:
    a third of the time that importing TensorFlow takes.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logger.info("Starting TensorFlow, which takes a while …")
    with held_stderr(), unavailable("sklearn", "matplotlib"), uncollected():
        import tensorflow as tf

        tf.config.list_physical_devices()
