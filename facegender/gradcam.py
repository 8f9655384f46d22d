"""Where in a picture the model found what it went by (Grad-CAM, Selvaraju et al. 2017).

For a network that ends in global average pooling and one unit, Grad-CAM is the class activation map of Zhou et al.
(2016): the last feature map, weighted by the weights of the unit. It needs no gradient, only a forward pass, so the
engine that scores can make it: OpenVINO without TensorFlow's import, or TensorFlow.
"""

import base64
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from facegender.decode import decode
from facegender.engine import OpenVinoEngine, has_openvino, import_openvino
from facegender.quiet import import_tensorflow

Images = npt.NDArray[np.uint8]
Maps = npt.NDArray[np.float32]
Look = Callable[[Sequence[Path]], Maps]

BATCH: Final = 20
HEAT: Final = (255, 120, 0)  # laid over the picture, the more opaque the more the place spoke for the answer
OPACITY: Final = 0.7
DETAIL: Final = 48  # pixels, longer side of an overlay: the map has 7 by 7 values


def heat_maps(model: Path, files: Sequence[Path]) -> Maps:
    """float32 (n, h, w): how much each place of the picture spoke for the positive class (negative: against it).

    Their mean over a picture is the logit without its bias. The engine is the one that scores, in float32.
    """
    size = int(json.loads((model / "classes.json").read_text(encoding="utf-8"))["image_size"])
    engine = json.loads((model / "engine.json").read_text(encoding="utf-8"))["engine"]
    batches = [
        np.stack([decode(file, size) for file in files[start : start + BATCH]]) for start in range(0, len(files), BATCH)
    ]
    if engine == "openvino" and has_openvino():
        return np.concatenate(_by_openvino(model / "openvino.xml", batches))
    return np.concatenate(_by_tensorflow(model / "model.keras", batches))


def _by_openvino(network: Path, batches: list[Images]) -> list[Maps]:
    features, weights, channels = last_features(import_openvino().Core().read_model(network))
    engine = OpenVinoEngine(features, len(batches[0]))
    return [np.tensordot(values, weights, axes=(channels, 0)) for values in engine.map(batches)]


def last_features(network: Any) -> tuple[Any, Maps, int]:
    """Of an `openvino.Model` what ends at the input of its last global pooling, and what the one unit makes of that.

    Returns
    -------
    The shortened `openvino.Model`; the unit's weights, float32 (c,); the axis of the channels, 1 or 3.
    """
    import openvino

    nodes = network.get_ordered_ops()
    place = max(place for place, node in enumerate(nodes) if node.get_type_name() == "ReduceMean")
    pool = nodes[place]
    # the first one behind the pooling: an exported model's calibration may have more
    unit = next(node for node in nodes[place:] if node.get_type_name() == "MatMul")
    pooled = {int(axis) for axis in pool.input_value(1).get_node().get_data()}
    channels = next(axis for axis in (1, 3) if axis not in pooled)
    weights = np.asarray(unit.input_value(1).get_node().get_data(), np.float32).reshape(-1)
    return openvino.Model([pool.input_value(0)], network.get_parameters()), weights, channels


def _by_tensorflow(path: Path, batches: list[Images]) -> list[Maps]:
    import_tensorflow()
    import keras

    from facegender.archive import load_model

    whole = load_model(path)
    features = keras.Model(whole.inputs, whole.get_layer("pool").input)
    weights = whole.get_layer("logit").get_weights()[0][:, 0]
    # the output may be float16 on a GPU
    return [
        np.asarray(features.predict_on_batch(pixels.astype(np.float32)), np.float32) @ weights for pixels in batches
    ]


def overlay(heat: Maps, positive: bool, size: tuple[int, int]) -> str:
    """A see-through PNG, as a data URI, of the places that spoke for the answer given.

    Parameters
    ----------
    heat
        float32 (h, w), of `heat_maps`.
    positive
        The positive class was answered.
    size
        Width and height of the picture, in any unit: the overlay has its shape.
    """
    spoke = np.maximum(heat if positive else -heat, 0)
    most = float(spoke.max())
    opacity = np.round(255 * OPACITY * (spoke / most if most else spoke)).astype(np.uint8)
    scale = DETAIL / max(size)
    shape = tuple(max(1, round(scale * side)) for side in size)
    alpha = Image.fromarray(opacity).resize((shape[0], shape[1]), Image.Resampling.BILINEAR)
    picture = Image.new("RGBA", alpha.size, (*HEAT, 0))
    picture.putalpha(alpha)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
