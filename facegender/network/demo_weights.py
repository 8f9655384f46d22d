"""The demo's backbone weights: MobileNetV2, quantised to less than 2 MB, in a plain .npz file without pickles.

Each kernel is stored as small integers with one float32 scale per output channel (per channel for depthwise kernels);
the BatchNorm parameters as float16, their variances as float32. The integers of the 1x1 kernels, which are nearly the
whole network, have `POINTWISE_LEVELS` steps each way, so that zip brings the file below 2 MB.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from facegender.errors import UserError
from facegender.files.atomic import atomic_file

if TYPE_CHECKING:
    import keras

DEMO_WEIGHTS: Final = Path(__file__).with_name("demo_mobilenet_v2.npz")
POINTWISE_LEVELS: Final = 31  # 6 bits
OTHER_LEVELS: Final = 127
SCALE: Final = ".scale"

Weights = npt.NDArray[np.float32]  # of one variable


def load_demo_weights(model: "keras.Model", path: Path = DEMO_WEIGHTS) -> str:
    """Load the demo weights into a plain keras.applications.MobileNetV2(alpha=1.0, include_top=False).

    Returns
    -------
    str
        SHA-256 of the weights file, in hex.

    Raises
    ------
    UserError
        The model is another network: it has another width, or lacks layers.
    """
    stored = read_weights(path)
    variables = backbone_variables(model)
    shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
    if shapes != {name: values.shape for name, values in stored.items()}:
        raise UserError(
            "params.yaml, backbone.weights",
            "the demo weights fit only MobileNetV2 with alpha 1.0, without its top",
            f"{model.name} with {model.count_params():,} parameters",
            "Set backbone.alpha to 1.0, or backbone.weights to none.",
        )
    for name, variable in variables.items():
        variable.assign(stored[name])
    return hashlib.sha256(path.read_bytes()).hexdigest()


def backbone_variables(model: "keras.Model") -> "dict[str, keras.Variable]":
    """Return the variables by layer and variable name, such as "Conv1/kernel"."""
    return {f"{layer.name}/{variable.name}": variable for layer in model.layers for variable in layer.weights}


def read_weights(path: Path) -> dict[str, Weights]:
    """Read a file written by `write_weights`; the weights are float32."""
    with np.load(path, allow_pickle=False) as file:
        stored = {name: file[name] for name in file.files}
    return {
        name: values.astype(np.float32) * stored.get(name + SCALE, np.float32(1))
        for name, values in stored.items()
        if not name.endswith(SCALE)
    }


def write_weights(weights: dict[str, Weights], path: Path) -> None:
    """Quantise weights and write them; equal weights give equal bytes. Kernels are rounded as by `round_kernel`."""
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for name, values in weights.items():
        if name.endswith("/kernel"):
            arrays[name], arrays[name + SCALE] = _quantise(values)
        elif name.endswith("/moving_variance"):
            arrays[name] = values.astype(np.float32)  # float16 would lose small ones, by which the network divides
        else:
            arrays[name] = values.astype(np.float16)
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for options


def round_kernel(kernel: Weights) -> Weights:
    """Round a kernel to the values that are read back after quantisation."""
    whole, scale = _quantise(kernel)
    return whole.astype(np.float32) * scale


def _quantise(kernel: Weights) -> tuple[npt.NDArray[np.int8], Weights]:
    """Quantise a kernel to int8 of the same shape, and return it with scales that broadcast against it.

    Keras stores kernels as (height, width, in, out), depthwise ones as (height, width, channel, 1).
    """
    height, width, _, outputs = kernel.shape
    levels = POINTWISE_LEVELS if height == width == 1 else OTHER_LEVELS
    axes = (0, 1) if outputs == 1 else (0, 1, 2)
    scale = np.maximum(np.abs(kernel).max(axis=axes, keepdims=True), 1e-12).astype(np.float32) / np.float32(levels)
    return np.rint(kernel / scale).astype(np.int8), scale
