"""What a picture is to a trained model, as one vector: the input of its last layer, got in the pass that scores it."""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from facegender.files.float16_rows import Float16Array, Float16Rows
from facegender.files.json_files import read_json
from facegender.network.engine import Engine, OpenVinoEngine, TensorFlowEngine, has_openvino, import_openvino

EMBEDDINGS_AT_ONCE: Final = 256  # embeddings, and rows of the reference, that are float32 at the same time


def embedding_engine(model: Path) -> Engine:
    """The engine that `train` chose for a model folder, giving (b, d + 1): the embedding, then the probability."""
    choice = read_json(model / "engine.json")
    if choice["engine"] == "openvino" and has_openvino():
        return OpenVinoEngine(_joined_openvino(model / "openvino.xml"), choice["precision"])
    from facegender.runtime.tensorflow_import import import_tensorflow

    import_tensorflow()
    import keras

    from facegender.network.keras_file import load_model

    whole = load_model(model / "model.keras")
    last = [layer for layer in whole.layers if isinstance(layer, keras.layers.Dense)][-1]
    joined = keras.layers.Concatenate(name="embedding_and_probability")([last.input, whole.output])
    return TensorFlowEngine(keras.Model(whole.input, joined))


def _joined_openvino(path: Path) -> object:
    openvino = import_openvino()
    from openvino import opset13

    network = openvino.Core().read_model(path)
    last = [node for node in network.get_ordered_ops() if node.get_type_name() == "MatMul"][-1]
    probability = network.outputs[0].get_node().input(0).get_source_output()
    joined = opset13.concat([last.input(0).get_source_output(), probability], 1)
    return openvino.Model([opset13.result(joined)], network.get_parameters(), "embedding_and_probability")


def distances(
    embeddings: Float16Array,
    reference: Float16Array | Float16Rows,
    neighbours: int,
    own: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.float64]:
    """How far pictures lie from a reference: 0 on top of it, 2 opposite; a new kind of picture lies far.

    Of vectors scaled to length 1, the Euclidean distance to the k-th nearest of the reference (Sun et al. 2022,
    "Out-of-distribution detection with deep nearest neighbors").

    Parameters
    ----------
    embeddings, reference
        (n, d) and (m, d); a file's rows are read a part at a time.
    neighbours
        k; with fewer in the reference, the farthest counts.
    own
        (n,): the place of each picture itself in the reference, -1 where it is not: nobody is their own neighbour.

    Returns
    -------
    float64 (n,); NaN where there is nobody to compare with.
    """
    found = np.full(len(embeddings), np.nan)
    place = min(neighbours, len(reference)) - 1
    if place < 0:
        return found
    for start in range(0, len(embeddings), EMBEDDINGS_AT_ONCE):
        mine = _unit(embeddings[start : start + EMBEDDINGS_AT_ONCE])
        unlike = np.empty((len(mine), len(reference)), np.float32)  # minus the cosine
        for at in range(0, len(reference), EMBEDDINGS_AT_ONCE):
            unlike[:, at : at + EMBEDDINGS_AT_ONCE] = -mine @ _unit(reference[at : at + EMBEDDINGS_AT_ONCE]).T
        if own is not None:
            here = own[start : start + EMBEDDINGS_AT_ONCE]
            unlike[here >= 0, here[here >= 0]] = np.inf
        unlike.partition(place, axis=1)
        nearest = -unlike[:, : place + 1]
        farthest = np.fmin.reduce(np.where(np.isneginf(nearest), np.nan, nearest), axis=1)  # oneself is none
        found[start : start + EMBEDDINGS_AT_ONCE] = np.sqrt(np.maximum(2 - 2 * farthest, 0))
    return found


def _unit(vectors: Float16Array) -> npt.NDArray[np.float32]:
    wide = vectors.astype(np.float32)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return np.asarray(wide / np.where(lengths > 0, lengths, 1), np.float32)
