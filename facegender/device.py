"""How TensorFlow is set up in this process: seeds, determinism, GPUs, precision, several devices."""

import logging
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

logger = logging.getLogger(__name__)


def prepare(seed: int, mixed_precision: str) -> None:
    """Seed everything, ask for deterministic kernels, let GPU memory grow, and set the precision of new layers.

    Not every GPU kernel has a deterministic form (tensorflow issue 47174, depthwise gradients), so determinism is
    asked for on CPUs only; a GPU's results differ from run to run within float rounding.
    """
    keras.utils.set_random_seed(seed)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if not gpus:
        tf.config.experimental.enable_op_determinism()
    mixed = mixed_precision == "on" or (mixed_precision == "auto" and _tensor_cores(gpus))
    keras.mixed_precision.set_dtype_policy("mixed_float16" if mixed else "float32")


def _tensor_cores(gpus: list[Any]) -> bool:
    # from compute capability 7.0 on (Volta) float16 products run on tensor cores
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return bool(details) and all(detail.get("compute_capability", (0, 0)) >= (7, 0) for detail in details)


def strategy() -> tf.distribute.Strategy:
    """All visible devices: mirrored over several (GPUs, or logical CPUs where there is no GPU), else the one."""
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(devices) < 2:
        return tf.distribute.get_strategy()
    logger.info("train: mirrored over %d devices", len(devices))
    return tf.distribute.MirroredStrategy(devices)


def frozen_forward(model: keras.Model) -> Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]:
    """`model` as a function of uint8 (n, s, s, 3), its variables turned into constants, which runs a third faster."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    shape = tf.TensorSpec((None, *model.input.shape[1:]), tf.uint8)
    function = tf.function(lambda images: model(tf.cast(images, tf.float32), training=False))
    constant = convert_variables_to_constants_v2(function.get_concrete_function(shape))

    def forward(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        (result,) = constant(tf.constant(images))
        return np.asarray(result, np.float32)

    return forward
