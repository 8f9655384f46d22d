"""Engines that run a network over batches of pictures: OpenVINO on CPUs, otherwise TensorFlow.

An engine takes batches uint8 (b, s, s, 3) and yields float32 results, in order. On the same two cores OpenVINO runs
MobileNetV2 about twice as fast as TensorFlow in float32, and it starts without TensorFlow's import of many seconds.
"""

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from facegender.network.bfloat16 import adapt_to_bfloat16

Images = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float32]
QUEUED: Final = 6  # requests for each picture that is being computed


class Engine(Protocol):
    """Runs one network."""

    name: str

    def map(self, batches: Iterable[Images]) -> Iterator[Values]:
        """Yield one result for each batch, in order; draw a batch only when it can be worked on."""
        ...


Place = TypeVar("Place")


def forward(
    engine: Engine, pictures: Iterable[tuple[Place, Images]], batch_size: int
) -> Iterator[tuple[list[Place], Values]]:
    """Run pictures uint8 (s, s, 3) in batches; yield each batch's places, in the order given, with its results."""
    under_way: deque[list[Place]] = deque()

    def batches() -> Iterator[Images]:
        source = iter(pictures)
        while batch := list(islice(source, batch_size)):
            under_way.append([place for place, _ in batch])
            yield np.stack([pixels for _, pixels in batch])

    for result in engine.map(batches()):
        yield under_way.popleft(), result


class TensorFlowEngine:
    """A Keras model with its variables turned into constants, which runs a third faster than calling the model."""

    name = "tensorflow float32"

    def __init__(self, model: Any) -> None:
        self._function = freeze_graph(model)

    def map(self, batches: Iterable[Images]) -> Iterator[Values]:
        """See `Engine`."""
        import tensorflow as tf

        for batch in batches:
            (result,) = self._function(tf.constant(batch))
            yield np.asarray(result, np.float32)


class OpenVinoEngine:
    """An OpenVINO network that runs on one picture per request, with several requests at once.

    MobileNetV2's intermediate results for one picture fit into a core's caches; those for 32 do not. On two cores
    single pictures are 1.5 times as fast in float32, with the same numbers.

    Parameters
    ----------
    model
        An `openvino.Model`, or the .xml file of one, with input (?, s, s, 3).
    precision
        float32, or bfloat16, to which facegender/network/bfloat16.py adapts the network.
    """

    def __init__(self, model: Any, precision: str = "float32") -> None:
        openvino = import_openvino()
        core = openvino.Core()
        network = core.read_model(model) if isinstance(model, Path) else model.clone()
        shape = network.input(0).partial_shape
        network.reshape([1, *[shape[axis].get_length() for axis in range(1, 4)]])
        if precision == "bfloat16":
            network = adapt_to_bfloat16(network)
        hint = {"float32": "f32", "bfloat16": "bf16"}[precision]
        # threads are not pinned to cores, because decoding needs the cores as well
        settings = {
            "INFERENCE_PRECISION_HINT": hint,
            "PERFORMANCE_HINT": "THROUGHPUT",
            "ENABLE_CPU_PINNING": False,
        }
        self._network = core.compile_model(network, "CPU", settings)
        self.name = f"openvino {precision}"

    def map(self, batches: Iterable[Images]) -> Iterator[Values]:
        """See `Engine`."""
        streams = self._network.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        # more requests than cores: a core finds its next picture ready, whatever Python is doing
        idle = [self._network.create_infer_request() for _ in range(QUEUED * streams)]
        busy: deque[tuple[Any, Values, int]] = deque()

        def collect() -> Iterator[Values]:
            request, values, row = busy.popleft()
            request.wait()
            values[row] = request.get_output_tensor(0).data[0]
            idle.append(request)
            if row == len(values) - 1:
                yield values

        shape = list(self._network.output(0).shape)[1:]
        for batch in batches:
            values = np.empty((len(batch), *shape), np.float32)
            for row in range(len(batch)):
                if not idle:
                    yield from collect()
                request = idle.pop()
                request.start_async({0: batch[row : row + 1]})
                busy.append((request, values, row))
        while busy:
            yield from collect()


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry, which would report the user's runs to its makers.

    If `openvino_telemetry` cannot be imported, the package uses a stub of its own.

    Raises
    ------
    ImportError
        There is no OpenVINO for this platform.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def has_openvino() -> bool:
    """Whether OpenVINO can be imported here."""
    try:
        import_openvino()
    except ImportError:
        return False
    return True


def has_bfloat16() -> bool:
    """Whether OpenVINO computes in bfloat16 on this processor."""
    return "BF16" in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def freeze_graph(model: Any) -> Any:
    """Turn a Keras model into a TensorFlow function of uint8 (n, s, s, 3) with its weights as constants.

    TensorFlow's own function for it is private, and is used here alone.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    shape = tf.TensorSpec((None, *model.input.shape[1:]), tf.uint8, name="image")
    function = tf.function(lambda image: model(tf.cast(image, tf.float32), training=False))
    return convert_variables_to_constants_v2(function.get_concrete_function(shape))


def to_openvino(model: Any, folder: Path) -> Any:
    """Convert a Keras model to an `openvino.Model`, through a temporary file of TensorFlow's graph in `folder`."""
    import tensorflow as tf

    graph = freeze_graph(model).graph.as_graph_def()
    path = Path(tf.io.write_graph(graph, str(folder), "graph.pb", as_text=False))
    try:
        return import_openvino().Core().read_model(path)
    finally:
        path.unlink()
