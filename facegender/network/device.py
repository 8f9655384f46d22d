"""TensorFlow's setup in this process: seeds, determinism, GPUs, precision, several devices."""

import logging
from typing import Any

import keras
import tensorflow as tf

logger = logging.getLogger(__name__)


def prepare(seed: int, mixed_precision: str) -> None:
    """Seed everything, require deterministic kernels, let GPU memory grow, and set the precision of new layers.

    Some GPU kernels have no deterministic form (tensorflow issue 47174, depthwise gradients), so determinism is
    required on CPUs only. On a GPU, results differ from run to run within float rounding.
    """
    keras.backend.clear_session()  # layer names count from 0 again, so that equal models give equal files
    keras.utils.set_random_seed(seed)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if not gpus:
        tf.config.experimental.enable_op_determinism()
    mixed = mixed_precision == "on" or (mixed_precision == "auto" and _tensor_cores(gpus))
    keras.mixed_precision.set_dtype_policy("mixed_float16" if mixed else "float32")


def _tensor_cores(gpus: list[Any]) -> bool:
    # GPUs of compute capability 7.0 (Volta) and above run float16 products on tensor cores
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return bool(details) and all(detail.get("compute_capability", (0, 0)) >= (7, 0) for detail in details)


def choose_strategy() -> tf.distribute.Strategy:
    """Mirror training over all visible GPUs, or logical CPUs if there is no GPU; use a single device as it is."""
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(devices) < 2:
        return tf.distribute.get_strategy()
    logger.info("train: mirrored over %d devices", len(devices))
    return tf.distribute.MirroredStrategy(devices)


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))
