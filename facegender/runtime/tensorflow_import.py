"""Import TensorFlow quietly and quickly.

Before its logging is set up, TensorFlow writes lines about oneDNN and CUDA straight to stderr, whatever
TF_CPP_MIN_LOG_LEVEL says. They tell the user nothing and hide what does.

Both tricks of this module affect the whole process: hidden modules during the import, and a frozen garbage collector
afterwards. Measured gain of the two in a process that imports TensorFlow: 1.0 s on a quiet machine (1.5 s instead of
2.5), 2.6 s on a busy one. A default run has two such processes: 3% of its wall time. A training's peak is 65 to 87 MB
lower.
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
def capture_stderr() -> Iterator[None]:
    """Hold back what the block writes to stderr's file descriptor; write it out if the block fails."""
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
def hide_modules(*modules: str) -> Iterator[None]:
    """Make importing these modules fail inside the block, unless they are already imported."""
    hidden = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # an import fails if it finds None there
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def pause_garbage_collection() -> Iterator[None]:
    """Pause the garbage collector inside the block, and exclude what exists at its end from all later collections.

    Modules are never garbage. Otherwise the collector scans TensorFlow's hundreds of thousands of objects many times
    during the import, whenever a network is built, and once more at exit: one second per process.
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
    """Import TensorFlow once, quietly, and initialise the parts that print lines of their own.

    Keras imports scikit-learn and matplotlib if it finds them, for wrappers that are not used here. That takes a third
    of the time of importing TensorFlow.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logger.info("Starting TensorFlow, which takes a while …")
    with capture_stderr(), hide_modules("sklearn", "matplotlib"), pause_garbage_collection():
        import tensorflow as tf

        tf.config.list_physical_devices()
