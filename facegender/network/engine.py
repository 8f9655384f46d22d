"""Engines that run a network over batches of pictures: OpenVINO on CPUs, TensorFlow where that is not.

An engine takes batches uint8 (b, s, s, 3) and yields float32 results, in order. On the same two cores OpenVINO runs
MobileNetV2 about twice as fast as TensorFlow in float32, and starts without TensorFlow's many seconds of import.
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
QUEUED: Final = 6  # pictures in hand for each that is being computed


class Engine(Protocol):
    """Something that runs one network."""

    name: str

    def map(self, batches: Iterable[Images]) -> Iterator[Values]:
        """One result for each batch, in order; draws batches only as it can work on them."""
        ...


Place = TypeVar("Place")


def forward(
    engine: Engine, pictures: Iterable[tuple[Place, Images]], batch_size: int
) -> Iterator[tuple[list[Place], Values]]:
    """Run pictures uint8 (s, s, 3) in batches: the places of each batch, as they came, with its results."""
    under_way: deque[list[Place]] = deque()

    def batches() -> Iterator[Images]:
        source = iter(pictures)
        while batch := list(islice(source, batch_size)):
            under_way.append([place for place, _ in batch])
            yield np.stack([pixels for _, pixels in batch])

    for result in engine.map(batches()):
        yield under_way.popleft(), result


class TensorFlowEngine:
    """A Keras model, its variables turned into constants, which runs a third faster than calling it."""

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
    """A network in OpenVINO's form, run on one picture at a time, several under way at once.

    What MobileNetV2 computes of one picture fits into a core's caches, of 32 it does not: on two cores one at a time is
    1.5 times as fast in float32, and gives the same numbers.

    Parameters
    ----------
    model
        An `openvino.Model`, or the .xml file of one, with input (?, s, s, 3).
    precision
        float32 | bfloat16, for which the network is made fit; see facegender/network/bfloat16.py.
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
        # not bound to a core each, for decoding needs the cores as well
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
        # more than there are cores: the next picture is there when one has done with the last, whatever Python is at
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
    """OpenVINO without its telemetry, which would report our user's runs to its makers.

    The package falls back to a stub of its own where `openvino_telemetry` is not installed.

    Raises
    ------
    ImportError
        There is no OpenVINO for this platform.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def has_openvino() -> bool:
    """Whether OpenVINO can be used here."""
    try:
        import_openvino()
    except ImportError:
        return False
    return True


def has_bfloat16() -> bool:
    """Whether OpenVINO's processor computes in bfloat16."""
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
    """Convert a Keras model by way of TensorFlow's graph, written to `folder` in passing. Gives an `openvino.Model`."""
    import tensorflow as tf

    graph = freeze_graph(model).graph.as_graph_def()
    path = Path(tf.io.write_graph(graph, str(folder), "graph.pb", as_text=False))
    try:
        return import_openvino().Core().read_model(path)
    finally:
        path.unlink()
