"""Embeddings: the input of a model's last layer for one picture, computed in the same pass as its probability."""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from facegender.files.float16_rows import Float16Array, Float16Rows
from facegender.files.json_files import read_json
from facegender.network.engine import Engine, OpenVinoEngine, TensorFlowEngine, has_openvino, import_openvino

BLOCK: Final = 256  # embeddings in memory as float32 together, of the pictures and of the reference


def load_embedding_engine(model: Path) -> Engine:
    """Load the engine that `train` chose, with outputs float32 (b, d + 1): the embedding, then the probability."""
    choice = read_json(model / "engine.json")
    if choice["engine"] == "openvino" and has_openvino():
        return OpenVinoEngine(_openvino_with_embedding(model / "openvino.xml"), choice["precision"])
    from facegender.runtime.tensorflow_import import import_tensorflow

    import_tensorflow()
    import keras

    from facegender.network.keras_file import load_model

    network = load_model(model / "model.keras")
    last = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)][-1]
    both = keras.layers.Concatenate(name="embedding_and_probability")([last.input, network.output])
    return TensorFlowEngine(keras.Model(network.input, both))


def _openvino_with_embedding(path: Path) -> object:
    openvino = import_openvino()
    from openvino import opset13

    network = openvino.Core().read_model(path)
    last = [node for node in network.get_ordered_ops() if node.get_type_name() == "MatMul"][-1]
    probability = network.outputs[0].get_node().input(0).get_source_output()
    both = opset13.concat([last.input(0).get_source_output(), probability], 1)
    return openvino.Model([opset13.result(both)], network.get_parameters(), "embedding_and_probability")


def knn_distances(
    embeddings: Float16Array,
    reference: Float16Array | Float16Rows,
    neighbours: int,
    own: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.float64]:
    """Compute each picture's distance to its k-th nearest neighbour in a reference; unusual pictures are far away.

    It is the Euclidean distance of vectors scaled to length 1, from 0 (same direction) to 2 (opposite); see Sun et al.
    2022, "Out-of-distribution detection with deep nearest neighbors".

    Parameters
    ----------
    embeddings, reference
        (n, d) and (m, d); rows of a file are read in blocks.
    neighbours
        k; if the reference has fewer rows, the farthest one counts.
    own
        (n,): each picture's own row in the reference, or -1. No picture is its own neighbour.

    Returns
    -------
    float64 (n,); NaN if there is no neighbour.
    """
    distances = np.full(len(embeddings), np.nan)
    kth = min(neighbours, len(reference)) - 1
    if kth < 0:
        return distances
    for start in range(0, len(embeddings), BLOCK):
        block = _scale_to_unit_length(embeddings[start : start + BLOCK])
        negative_cosines = np.empty((len(block), len(reference)), np.float32)  # partition sorts ascending
        for at in range(0, len(reference), BLOCK):
            negative_cosines[:, at : at + BLOCK] = -block @ _scale_to_unit_length(reference[at : at + BLOCK]).T
        if own is not None:
            rows = own[start : start + BLOCK]
            negative_cosines[rows >= 0, rows[rows >= 0]] = np.inf
        negative_cosines.partition(kth, axis=1)
        nearest = -negative_cosines[:, : kth + 1]
        cosine = np.fmin.reduce(np.where(np.isneginf(nearest), np.nan, nearest), axis=1)  # without the picture itself
        distances[start : start + BLOCK] = np.sqrt(np.maximum(2 - 2 * cosine, 0))
    return distances


def _scale_to_unit_length(vectors: Float16Array) -> npt.NDArray[np.float32]:
    wide = vectors.astype(np.float32)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return np.asarray(wide / np.where(lengths > 0, lengths, 1), np.float32)
