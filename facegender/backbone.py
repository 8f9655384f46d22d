"""The backbone, its weights, and where it can be cut into a frozen and a tuned part.

Terms: `layers` are those of the backbone as `keras.applications` builds it (MobileNetV2 has 154, its input counted).
The last N of them train. The cut lies behind the layer before them, or behind an earlier one where a skip connection
would cross it.
"""

import hashlib
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from facegender.errors import UserError
from facegender.params import BackboneParams

DOWNLOAD_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Cut:
    """The border between the frozen and the tuned part.

    `layer` is the last frozen layer; None where everything trains. `trained` counts the backbone layers behind it.
    """

    layer: str | None
    trained: int


def plain_backbone(params: BackboneParams, image: keras.KerasTensor | None = None) -> keras.Model:
    """MobileNetV2 without its classifier and with random weights (Sandler et al. 2018).

    Input float32 (n, s, s, 3) in [-1, 1]; output float32 (n, s/32, s/32, 1280) at alpha 1.0.
    """
    shape = (params.image_size, params.image_size, 3)
    return keras.applications.MobileNetV2(
        input_shape=shape, input_tensor=image, alpha=params.alpha, include_top=False, weights=None
    )


def resolve_weights(params: BackboneParams, drawn_demo: bool) -> str:
    """What `auto` means here: `demo` where the data is the drawn demo, else `imagenet`."""
    if params.weights == "auto":
        return "demo" if drawn_demo else "imagenet"
    return params.weights


def weighted_backbone(params: BackboneParams, source: str, seed: int) -> keras.Model:
    """A backbone with the weights of `source`: imagenet, demo, none (random, by `seed`), or a path.

    Raises
    ------
    UserError
        The weights cannot be downloaded, are missing, or do not fit the architecture.
    """
    if source == "none":
        return _random(params, seed)
    if source == "imagenet":
        return _imagenet(params)
    backbone = plain_backbone(params)
    if source == "demo":
        from facegender.demo.weights import load_demo_weights

        load_demo_weights(backbone)
        return backbone
    path = Path(source).expanduser()
    if not path.is_file():
        raise UserError(
            "params.yaml, backbone.weights",
            "must be auto, imagenet, demo, none or the path of a Keras .weights.h5 file",
            f"{source!r}, and there is no such file",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Keras only warns of layers that a file lacks
            backbone.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            str(path),
            f"must hold the weights of keras.applications.MobileNetV2(alpha={params.alpha}, include_top=False)",
            reason,
        ) from None
    return backbone


def _random(params: BackboneParams, seed: int) -> keras.Model:
    # not by Keras's global seed: that goes through Python's global random numbers, which any other thread may draw from
    backbone = plain_backbone(params)
    for place, layer in enumerate(backbone.layers):
        if hasattr(layer, "kernel"):
            initializer = keras.initializers.GlorotUniform(seed=seed + place)
            layer.kernel.assign(initializer(layer.kernel.shape))
    return backbone


def _imagenet(params: BackboneParams) -> keras.Model:
    shape = (params.image_size, params.image_size, 3)
    try:
        with _socket_timeout(DOWNLOAD_TIMEOUT_S):
            return keras.applications.MobileNetV2(
                input_shape=shape, alpha=params.alpha, include_top=False, weights="imagenet"
            )
    except Exception as error:
        # keras.utils.get_file raises a bare Exception for every network trouble
        if "URL fetch failure" not in str(error) and not isinstance(error, OSError):
            raise
        raise UserError(
            "backbone.weights",
            "the ImageNet weights must be downloaded once, and the download failed",
            str(error).strip().splitlines()[0],
            "Three ways out: connect this machine once, they are kept in ~/.keras/models; or copy "
            "the file from a connected machine and set backbone.weights to its path in params.yaml; or set it to "
            "`none` and train from random weights, which takes far more data and online mode.",
        ) from None


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    # keras.utils.get_file has no timeout of its own: behind a firewall that drops packets it would hang
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def fingerprint(backbone: keras.Model) -> str:
    """SHA-256 over every weight with its place: equal for equal functions, whatever file the weights came from."""
    digest = hashlib.sha256()
    for layer in backbone.layers:
        for position, array in enumerate(layer.get_weights()):
            digest.update(f"{layer.name}/{position}/{array.shape}/{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def valid_cuts(backbone: keras.Model) -> list[int]:
    """Positions in `backbone.layers` behind which the network hangs together by that one layer's output alone."""
    layers = backbone.layers
    place = {layer.name: position for position, layer in enumerate(layers)}
    last_use = [0] * len(layers)  # the furthest layer that reads each layer's output
    for position, layer in enumerate(layers):
        for source in inputs_of(layer):
            last_use[place[source]] = max(last_use[place[source]], position)
    cuts = []
    open_until = 0  # the furthest reader of anything before the current layer
    for position in range(len(layers)):
        if open_until <= position:
            cuts.append(position)
        open_until = max(open_until, last_use[position])
    return cuts


def inputs_of(layer: keras.Layer) -> list[str]:
    """Names of the layers whose outputs a layer of a functional model reads."""
    if isinstance(layer, keras.layers.InputLayer):
        return []
    tensors = layer.input if isinstance(layer.input, list) else [layer.input]
    return [tensor._keras_history.operation.name for tensor in tensors]


def cut_for(backbone: keras.Model, fine_tune_layers: int) -> Cut:
    """The cut before which nothing trains, with at least `fine_tune_layers` layers behind it.

    Raises
    ------
    UserError
        More layers are asked for than the backbone has.
    """
    count = len(backbone.layers)
    if fine_tune_layers > count:
        raise UserError(
            "params.yaml, train.fine_tune_layers",
            f"must be at most {count}, the number of layers of this backbone",
            fine_tune_layers,
        )
    wanted = count - fine_tune_layers - 1
    position = max((cut for cut in valid_cuts(backbone) if cut <= wanted), default=-1)
    if position <= 0:  # behind the input: the same as no frozen part at all
        return Cut(None, count)
    return Cut(backbone.layers[position].name, count - position - 1)
