"""Heat maps: which regions of a picture supported the model's answer (Grad-CAM, Selvaraju et al. 2017).

For a network that ends in global average pooling and one unit, Grad-CAM is the class activation map of Zhou et al.
(2016): the last feature map, weighted by the weights of the unit. It needs no gradient, only a forward pass, so the
engine that scores can make it: OpenVINO, without importing TensorFlow, or TensorFlow.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from facegender.files.json_files import read_json
from facegender.network.engine import Images, OpenVinoEngine, has_openvino, import_openvino
from facegender.pictures.decode import decode
from facegender.pictures.thumbnail import data_uri
from facegender.runtime.tensorflow_import import import_tensorflow

Maps = npt.NDArray[np.float32]
Explainer = Callable[[Sequence[Path]], Maps]  # gives heat maps for picture files

BATCH: Final = 20
HEAT: Final = (255, 120, 0)  # laid over the picture; more opaque where a region supported the answer more
OPACITY: Final = 0.7
DETAIL: Final = 48  # pixels, longer side of an overlay; the map itself has 7 by 7 values


def heat_maps(model: Path, files: Sequence[Path]) -> Maps:
    """Compute how much each region of each picture supported the positive class; negative values spoke against it.

    The mean over a picture is the logit without its bias (for a fold ensemble: the members' mean logit). The engine is
    the one that scores, in float32.

    Returns
    -------
    float32 (n, h, w).
    """
    size = int(read_json(model / "classes.json")["image_size"])
    engine = read_json(model / "engine.json")["engine"]
    batches = [
        np.stack([decode(file, size) for file in files[start : start + BATCH]]) for start in range(0, len(files), BATCH)
    ]
    if engine == "openvino" and has_openvino():
        return np.concatenate(_by_openvino(model / "openvino.xml", batches))
    return np.concatenate(_by_tensorflow(model / "model.keras", batches))


def _by_openvino(network: Path, batches: list[Images]) -> list[Maps]:
    features, weights, channels = last_features(import_openvino().Core().read_model(network))
    engine = OpenVinoEngine(features)
    return [np.tensordot(values, weights, axes=(channels, 0)) for values in engine.map(batches)]


def last_features(network: Any) -> tuple[Any, Maps, int]:
    """Cut an `openvino.Model` off before its last global pooling, and find the weights that the one unit gives it.

    For a fold ensemble, the members' feature maps are concatenated, and their weights are divided by their number.

    Returns
    -------
    The shortened `openvino.Model`; the unit's weights, float32 (c,); the axis of the channels, 1 or 3.
    """
    import openvino
    from openvino import opset13

    nodes = network.get_ordered_ops()
    # the matrix products with one column that read a pooling: the calibration in an exported model has others
    units = [node for node in nodes if node.get_type_name() == "MatMul" and 1 in node.input_value(1).get_shape()]
    read = [(unit, pool) for unit in units if (pool := _pool_before(unit)) is not None]
    units, pools = [unit for unit, _ in read], [pool for _, pool in read]
    pooled = {int(axis) for axis in pools[0].input_value(1).get_node().get_data()}
    channels = next(axis for axis in (1, 3) if axis not in pooled)
    weights = [np.asarray(unit.input_value(1).get_node().get_data(), np.float32).reshape(-1) for unit in units]
    maps = [pool.input_value(0) for pool in pools]
    joined = opset13.concat(maps, channels).output(0) if len(maps) > 1 else maps[0]
    share = np.float32(1 / len(units))
    return openvino.Model([joined], network.get_parameters()), np.concatenate(weights) * share, channels


def _pool_before(unit: Any) -> Any:
    """Find the pooling that a product reads; None if it reads none, or if a product or a sigmoid lies between."""
    node = unit.input_value(0).get_node()
    while node.get_type_name() != "ReduceMean":
        if node.get_type_name() in ("MatMul", "Sigmoid") or not node.get_input_size():
            return None
        node = node.input_value(0).get_node()
    return node


def _by_tensorflow(path: Path, batches: list[Images]) -> list[Maps]:
    import_tensorflow()
    import keras

    from facegender.network.keras_file import load_model

    whole = load_model(path)
    members = [layer for layer in whole.layers if isinstance(layer, keras.Model)] or [whole]
    maps, weights = [], []
    for member in members:
        weights.append(member.get_layer("logit").get_weights()[0][:, 0] / len(members))
        if any(layer.name == "pool" for layer in whole.layers):
            maps.append(whole.get_layer("pool").input)
        else:  # a fold ensemble, whose members begin at the cut
            to_pool = keras.Model(member.inputs, member.get_layer("pool").input)
            maps.append(to_pool(whole.get_layer("cut").output))
    features = keras.Model(whole.inputs, keras.ops.concatenate(maps, axis=-1))
    joined = np.concatenate(weights)
    # the output may be float16 on a GPU
    return [np.asarray(features.predict_on_batch(pixels.astype(np.float32)), np.float32) @ joined for pixels in batches]


def overlay(heat: Maps, positive: bool, size: tuple[int, int]) -> str:
    """Draw the regions that supported the answer as a transparent PNG, and give it as a data URI.

    Parameters
    ----------
    heat
        float32 (h, w), from `heat_maps`.
    positive
        Whether the answer was the positive class.
    size
        Width and height of the picture, in any unit: the overlay has the same shape.
    """
    spoke = np.maximum(heat if positive else -heat, 0)
    most = float(spoke.max())
    opacity = np.round(255 * OPACITY * (spoke / most if most else spoke)).astype(np.uint8)
    scale = DETAIL / max(size)
    shape = tuple(max(1, round(scale * side)) for side in size)
    alpha = Image.fromarray(opacity).resize((shape[0], shape[1]), Image.Resampling.BILINEAR)
    picture = Image.new("RGBA", alpha.size, (*HEAT, 0))
    picture.putalpha(alpha)
    return data_uri(picture, "PNG")
