"""The backbone, its weights, and where it can be cut into a frozen and a tuned part.

Terms: `layers` are those of the backbone as `keras.applications` builds it, networks inside it taken apart (MobileNetV2
has 154, its input counted). The last N of them train. The cut lies behind the layer before them, or behind an earlier
one where a skip connection would cross it.
"""

import hashlib
import json
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from facegender.errors import UserError
from facegender.network.applications import build_application
from facegender.network.custom_backbone import load_custom_backbone
from facegender.network.keras_graph import find_producer, list_arguments, list_inputs
from facegender.network.rebuild import flatten
from facegender.network.weights import WEIGHTS
from facegender.params.architectures import ARCHITECTURES, is_own, title
from facegender.params.sections import BackboneParams

DOWNLOAD_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Cut:
    """The border between the frozen and the tuned part.

    `layer` is the last frozen layer, or sum or product of layers; None where everything trains. `trained` counts the
    backbone layers behind it.
    """

    layer: str | None
    trained: int


def build_backbone(params: BackboneParams) -> keras.Model:
    """The backbone without its classifier, as Keras builds it with random weights, or as one's own file has it.

    Input float32 (n, s, s, 3) in the range of its architecture; output (n, h, w, channels).
    """
    if is_own(params.name):
        return load_custom_backbone(params.name, params.image_size)
    return build_application(ARCHITECTURES[params.name], params.image_size, params.alpha)


def load_backbone(params: BackboneParams, source: str, seed: int) -> keras.Model:
    """A backbone with the weights of `source`: imagenet, demo, own, none (random, by `seed`), or a path.

    Networks inside it are taken apart, so that it can be cut anywhere.

    Raises
    ------
    UserError
        The weights cannot be downloaded, are missing, or do not fit the architecture.
    """
    if source == "none":
        return _randomise(flatten(build_backbone(params), params.image_size), seed)
    if source == "imagenet":
        return flatten(_download_imagenet(params), params.image_size)
    backbone = build_backbone(params)
    if source == "demo":
        from facegender.network.demo_weights import load_demo_weights

        load_demo_weights(backbone)
    elif source != "own" or not is_own(params.name):
        _load_weights(backbone, Path(source).expanduser(), params)
    return flatten(backbone, params.image_size)


def _load_weights(backbone: keras.Model, path: Path, params: BackboneParams) -> None:
    if not path.is_file():
        raise UserError(
            WEIGHTS,
            "must be auto, imagenet, demo, none or the path of a Keras .weights.h5 file",
            f"{str(path)!r}, and there is no such file",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Keras only warns of layers that a file lacks
            backbone.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        reason = str(error).strip().splitlines()[0]
        network = title(params.name) if is_own(params.name) else ARCHITECTURES[params.name].call(params.alpha)
        raise UserError(str(path), f"must hold the weights of {network}", reason) from None


def _randomise(backbone: keras.Model, seed: int) -> keras.Model:
    # not by Keras's global seed: that goes through Python's global random numbers, which any other thread may draw from
    for place, layer in enumerate(backbone.layers):
        kernels = [variable for variable in layer.weights if variable.name.endswith("kernel")]
        for number, kernel in enumerate(kernels):  # a separable convolution has two
            initializer = keras.initializers.GlorotUniform(seed=seed + place + number * len(backbone.layers))
            kernel.assign(initializer(kernel.shape))
    return backbone


def _download_imagenet(params: BackboneParams) -> keras.Model:
    try:
        with _socket_timeout(DOWNLOAD_TIMEOUT_S):
            return build_application(ARCHITECTURES[params.name], params.image_size, params.alpha, "imagenet")
    except Exception as error:
        # keras.utils.get_file raises a bare Exception for every network trouble
        if "URL fetch failure" not in str(error) and not isinstance(error, OSError):
            raise
        raise UserError(
            "backbone.weights",
            f"the ImageNet weights of {title(params.name)} must be downloaded once, and the download failed",
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
    """SHA-256 over every layer's settings, inputs and weights: equal for equal functions, wherever they came from."""
    digest = hashlib.sha256()
    place = {operation.name: position for position, operation in enumerate(backbone.operations)}
    for operation in backbone.operations:
        facts = [type(operation).__name__, operation.get_config(), *list_arguments(operation)]
        digest.update(json.dumps(_describe_settings(facts, place), sort_keys=True).encode())
        for position, array in enumerate(operation.get_weights() if isinstance(operation, keras.Layer) else []):
            digest.update(f"{position}/{array.shape}/{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _describe_settings(value: Any, place: dict[str, int]) -> Any:
    """What of a layer's settings decides what it computes, for JSON; a tensor by the place of what made it."""
    if isinstance(value, keras.KerasTensor):
        return f"#{place[find_producer(value)]}"
    if isinstance(value, dict):
        # names count on from what else was built, and the rest concerns training and how numbers are held
        apart = ("name", "dtype", "trainable", "seed")
        kept = {key: item for key, item in value.items() if key not in apart and not key.endswith("_initializer")}
        return {key: _describe_settings(item, place) for key, item in kept.items()}
    if isinstance(value, list | tuple):
        return [_describe_settings(item, place) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


def find_cuts(backbone: keras.Model) -> list[int]:
    """Positions in `backbone.operations` behind which the network hangs together by that one's output alone.

    Operations are its layers and the sums and products between them.
    """
    operations = backbone.operations
    place = {operation.name: position for position, operation in enumerate(operations)}
    last_use = [0] * len(operations)  # the furthest one that reads each one's output
    for position, operation in enumerate(operations):
        for source in list_inputs(operation):
            last_use[place[source]] = max(last_use[place[source]], position)
    cuts = []
    open_until = 0  # the furthest reader of anything before the current one
    for position in range(len(operations)):
        if open_until <= position:
            cuts.append(position)
        open_until = max(open_until, last_use[position])
    return cuts


def choose_cut(backbone: keras.Model, fine_tune_layers: int | Literal["all"]) -> Cut:
    """The cut before which nothing trains, with at least `fine_tune_layers` layers behind it.

    Raises
    ------
    UserError
        More layers are asked for than the backbone has.
    """
    count = len(backbone.layers)
    if fine_tune_layers == "all":
        return Cut(None, count)
    if fine_tune_layers > count:
        raise UserError(
            "params.yaml, train.fine_tune_layers",
            f"must be at most {count}, the number of layers of this backbone",
            fine_tune_layers,
        )
    operations = backbone.operations
    for position in reversed(find_cuts(backbone)):
        behind = sum(isinstance(operation, keras.Layer) for operation in operations[position + 1 :])
        if behind >= fine_tune_layers:
            break
    frozen = [operation for operation in operations[: position + 1] if isinstance(operation, keras.Layer)]
    # behind the input, or behind a scaling of its own: the same as no frozen part at all
    if not any(layer.count_params() for layer in frozen):
        return Cut(None, count)
    return Cut(operations[position].name, behind)
