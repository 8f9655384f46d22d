"""Networks of `keras.applications`, built as `ARCHITECTURES` lists them, and the pixel scaling that each expects."""

from typing import Final

import keras

from facegender.params.architectures import Architecture, Scaling

# mean and standard deviation of ImageNet's pixels, RGB in [0, 255], as in keras.applications.imagenet_utils
MEAN: Final = (0.485 * 255, 0.456 * 255, 0.406 * 255)
DEVIATION: Final = (0.229 * 255, 0.224 * 255, 0.225 * 255)
CAFFE_MEAN: Final = (103.939, 116.779, 123.68)  # BGR


def build_application(
    architecture: Architecture, image_size: int, alpha: float, weights: str | None = None
) -> keras.Model:
    """Build the network without its classifier: float32 (n, s, s, 3), scaled -> feature map (n, h, w, channels).

    `weights`: None for random weights, or "imagenet".
    """
    width = {"alpha": alpha} if len(architecture.widths) > 1 else {}
    constructor = getattr(keras.applications, architecture.application)
    return constructor(input_shape=(image_size, image_size, 3), include_top=False, weights=weights, **width)


def scale_pixels(scaling: Scaling, image: keras.KerasTensor) -> keras.KerasTensor:
    """Scale RGB in [0, 255], (n, s, s, 3), to the range that a network expects."""
    if scaling == "signed":
        return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(image)
    if scaling == "standard":
        variance = [deviation**2 for deviation in DEVIATION]
        return keras.layers.Normalization(mean=list(MEAN), variance=variance, name="scale")(image)
    if scaling == "caffe":
        bgr = keras.ops.flip(image, axis=-1)
        return keras.layers.Normalization(mean=list(CAFFE_MEAN), variance=[1.0] * 3, name="scale")(bgr)
    return image
