"""The backbone, its weights, and where it can be cut into a frozen and a tuned part.

The backbone's layers are those that `keras.applications` builds, with nested networks flattened: MobileNetV2 has 154,
its input included. The last N of them train. The cut lies just before them, or earlier if a skip connection would cross
it there.
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
from facegender.params.architectures import ARCHITECTURES, is_custom, title
from facegender.params.sections import BackboneParams

DOWNLOAD_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Cut:
    """The border between the frozen and the tuned part.

    Attributes
    ----------
    layer
        The last frozen layer, or sum or product of layers; None if everything trains.
    trained
        Number of backbone layers after it.
    """

    layer: str | None
    trained: int


def build_backbone(params: BackboneParams) -> keras.Model:
    """Build the backbone without its classifier: from Keras with random weights, or from the user's own file.

    Input: float32 (n, s, s, 3) in the range of its architecture. Output: (n, h, w, channels).
    """
    if is_custom(params.name):
        return load_custom_backbone(params.name, params.image_size)
    return build_application(ARCHITECTURES[params.name], params.image_size, params.alpha)


def load_backbone(params: BackboneParams, source: str, seed: int) -> keras.Model:
    """Build a backbone with the weights of `source`: imagenet, demo, own, none (random, from `seed`), or a path.

    Nested networks are flattened, so that the backbone can be cut anywhere.

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
    elif source != "own" or not is_custom(params.name):
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
            warnings.simplefilter("error")  # Keras only warns if a file lacks a layer
            backbone.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        reason = str(error).strip().splitlines()[0]
        network = (
            title(params.name) if is_custom(params.name) else ARCHITECTURES[params.name].constructor_call(params.alpha)
        )
        raise UserError(str(path), f"must hold the weights of {network}", reason) from None


def _randomise(backbone: keras.Model, seed: int) -> keras.Model:
    # not from Keras's global seed: it uses Python's global random numbers, from which any other thread may draw
    for position, layer in enumerate(backbone.layers):
        kernels = [variable for variable in layer.weights if variable.name.endswith("kernel")]
        for number, kernel in enumerate(kernels):  # a separable convolution has two
            initializer = keras.initializers.GlorotUniform(seed=seed + position + number * len(backbone.layers))
            kernel.assign(initializer(kernel.shape))
    return backbone


def _download_imagenet(params: BackboneParams) -> keras.Model:
    try:
        with _socket_timeout(DOWNLOAD_TIMEOUT_S):
            return build_application(ARCHITECTURES[params.name], params.image_size, params.alpha, "imagenet")
    except Exception as error:
        # keras.utils.get_file raises a bare Exception for every network error
        if "URL fetch failure" not in str(error) and not isinstance(error, OSError):
            raise
        raise UserError(
            "backbone.weights",
            f"the ImageNet weights of {title(params.name)} must be downloaded once, and the download failed",
            str(error).strip().splitlines()[0],
            "There are three remedies. Connect this machine once: Keras keeps the file in ~/.keras/models. Or copy the "
            "file from another machine and set backbone.weights in params.yaml to its path. Or set it to `none` to "
            "train from random weights, which needs far more data and online mode.",
        ) from None


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    # keras.utils.get_file has no timeout: behind a firewall that drops packets it would hang
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def fingerprint(backbone: keras.Model) -> str:
    """Hash every layer's settings, inputs and weights by SHA-256: equal for equal functions, whatever their source."""
    digest = hashlib.sha256()
    position_of = {operation.name: position for position, operation in enumerate(backbone.operations)}
    for operation in backbone.operations:
        facts = [type(operation).__name__, operation.get_config(), *list_arguments(operation)]
        digest.update(json.dumps(_describe_settings(facts, position_of), sort_keys=True).encode())
        for position, array in enumerate(operation.get_weights() if isinstance(operation, keras.Layer) else []):
            digest.update(f"{position}/{array.shape}/{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _describe_settings(value: Any, position_of: dict[str, int]) -> Any:
    """Reduce settings to what decides a layer's output, for JSON; a tensor becomes the position of its producer."""
    if isinstance(value, keras.KerasTensor):
        return f"#{position_of[find_producer(value)]}"
    if isinstance(value, dict):
        # Keras numbers names across the process; the rest concerns training and how numbers are stored
        ignored = ("name", "dtype", "trainable", "seed")
        kept = {key: item for key, item in value.items() if key not in ignored and not key.endswith("_initializer")}
        return {key: _describe_settings(item, position_of) for key, item in kept.items()}
    if isinstance(value, list | tuple):
        return [_describe_settings(item, position_of) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


def find_cuts(backbone: keras.Model) -> list[int]:
    """List the positions in `backbone.operations` where the network can be cut: only that output is read after it.

    Operations are its layers and the sums and products between them.
    """
    operations = backbone.operations
    position_of = {operation.name: position for position, operation in enumerate(operations)}
    last_use = [0] * len(operations)  # for each operation, the last one that reads its output
    for position, operation in enumerate(operations):
        for source in list_inputs(operation):
            last_use[position_of[source]] = max(last_use[position_of[source]], position)
    cuts = []
    open_until = 0  # the last reader of any earlier output
    for position in range(len(operations)):
        if open_until <= position:
            cuts.append(position)
        open_until = max(open_until, last_use[position])
    return cuts


def choose_cut(backbone: keras.Model, fine_tune_layers: int | Literal["all"]) -> Cut:
    """Choose the last possible cut with at least `fine_tune_layers` layers after it; nothing before it trains.

    Raises
    ------
    UserError
        `fine_tune_layers` exceeds the number of layers of the backbone.
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
        trained = sum(isinstance(operation, keras.Layer) for operation in operations[position + 1 :])
        if trained >= fine_tune_layers:
            break
    frozen = [operation for operation in operations[: position + 1] if isinstance(operation, keras.Layer)]
    # a cut right after the input or the network's own scaling freezes nothing
    if not any(layer.count_params() for layer in frozen):
        return Cut(None, count)
    return Cut(operations[position].name, trained)
