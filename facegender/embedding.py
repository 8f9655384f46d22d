"""What a picture is to a trained model, as one vector: the input of its last layer, got in the pass that scores it."""

import json
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from facegender.engine import Engine, OpenVinoEngine, TensorFlowEngine, has_openvino, import_openvino

Halves = npt.NDArray[np.float16]

AT_ONCE: Final = 512  # rows compared with all of the reference together


def embedding_engine(model: Path, batch_size: int) -> Engine:
    """The engine that `train` chose for a model folder, giving (b, d + 1): the embedding, then the probability."""
    choice = json.loads((model / "engine.json").read_text(encoding="utf-8"))
    if choice["engine"] == "openvino" and has_openvino():
        return OpenVinoEngine(_joined_openvino(model / "openvino.xml"), batch_size, choice["precision"])
    from facegender.quiet import import_tensorflow

    import_tensorflow()
    import keras

    from facegender.archive import load_model

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


def distances(embeddings: Halves, reference: Halves, neighbours: int, same: bool = False) -> npt.NDArray[np.float64]:
    """How far pictures lie from a reference: 0 on top of it, 2 opposite; a new kind of picture lies far.

    Of vectors scaled to length 1, the Euclidean distance to the k-th nearest of the reference (Sun et al. 2022,
    "Out-of-distribution detection with deep nearest neighbors").

    Parameters
    ----------
    embeddings, reference
        (n, d) and (m, d).
    neighbours
        k; with fewer in the reference, the farthest counts.
    same
        The embeddings are the reference itself: nobody is their own neighbour.

    Returns
    -------
    float64 (n,); NaN where there is nobody to compare with.
    """
    ours, theirs = _unit(embeddings), _unit(reference)
    found = np.full(len(ours), np.nan)
    place = min(neighbours, len(theirs) - same) - 1
    if place < 0:
        return found
    for start in range(0, len(ours), AT_ONCE):
        likeness = ours[start : start + AT_ONCE] @ theirs.T
        if same:
            likeness[np.arange(len(likeness)), np.arange(start, start + len(likeness))] = -np.inf
        nearest = np.partition(likeness, len(theirs) - 1 - place, axis=1)[:, len(theirs) - 1 - place]
        found[start : start + AT_ONCE] = np.sqrt(np.maximum(2 - 2 * nearest, 0))
    return found


def _unit(vectors: Halves) -> npt.NDArray[np.float32]:
    wide = vectors.astype(np.float32)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return np.asarray(wide / np.where(lengths > 0, lengths, 1), np.float32)
