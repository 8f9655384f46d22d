"""Where in a picture the model found what it went by (Grad-CAM, Selvaraju et al. 2017).

For a network that ends in global average pooling and one unit, Grad-CAM is the class activation map of Zhou et al.
(2016): the last feature map, weighted by the weights of the unit. It needs no gradient, only a forward pass.
"""

import base64
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from facegender.decode import decode
from facegender.quiet import import_tensorflow

Maps = npt.NDArray[np.float32]
Look = Callable[[Sequence[Path]], Maps]

BATCH: Final = 16
HEAT: Final = (255, 120, 0)  # laid over the picture, the more opaque the more the place spoke for the answer
OPACITY: Final = 0.7
DETAIL: Final = 48  # pixels, longer side of an overlay: the map has 7 by 7 values


def heat_maps(model: Path, files: Sequence[Path]) -> Maps:
    """float32 (n, h, w): how much each place of the picture spoke for the positive class (negative: against it).

    Their mean over a picture is the logit without its bias.
    """
    import_tensorflow()
    import keras

    from facegender.archive import load_model

    whole = load_model(model / "model.keras")
    features = keras.Model(whole.inputs, whole.get_layer("pool").input)
    weights = whole.get_layer("logit").get_weights()[0][:, 0]
    size = whole.inputs[0].shape[1]
    maps = []
    for start in range(0, len(files), BATCH):
        pixels = np.stack([decode(file, size) for file in files[start : start + BATCH]])
        maps.append(np.asarray(features.predict_on_batch(pixels.astype(np.float32)), np.float32) @ weights)
    return np.concatenate(maps).astype(np.float32)


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
