"""The backbones by name: Keras's constructor, input scaling, available widths and smallest side.

To add a network of `keras.applications`, add one entry to `ENTRIES`. A path that ends in .keras names a custom network.
This module holds names and numbers only, so params.yaml can be read without importing Keras.
"""

from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Literal

Scaling = Literal["signed", "standard", "caffe", "inside"]


@dataclass(frozen=True)
class Architecture:
    """One network of `keras.applications`.

    Attributes
    ----------
    name
        Value of `backbone.name` in params.yaml.
    application
        Name of the constructor in `keras.applications`.
    scaling
        Scaling that our model puts before the network; the model takes RGB in [0, 255]. signed: to [-1, 1]; standard:
        subtract ImageNet's mean and divide by its standard deviation, per channel; caffe: BGR minus the mean; inside:
        nothing, because the network's own first layers scale. Keras calls the first three tf, torch and caffe.
    cache_pattern
        Pattern of the file below ~/.keras/models in which Keras keeps the downloaded weights.
    widths
        Widths for which ImageNet weights exist (`backbone.alpha`).
    min_side
        Smallest side of a picture, in pixels.
    """

    name: str
    application: str
    scaling: Scaling
    cache_pattern: str
    widths: tuple[float, ...] = (1.0,)
    min_side: int = 32

    def constructor_call(self, alpha: float) -> str:
        """Return the constructor call, for an error message."""
        width = f"alpha={alpha}, " if len(self.widths) > 1 else ""
        return f"keras.applications.{self.application}({width}include_top=False)"


ENTRIES: Final = (
    Architecture(
        "mobilenet_v2", "MobileNetV2", "signed", "mobilenet_v2_*_{alpha}_*_no_top.h5", (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
    ),
    Architecture(
        "mobilenet_v3_small", "MobileNetV3Small", "inside", "*_v3_small_224_{alpha}_float_no_top*.h5", (0.75, 1.0)
    ),
    Architecture(
        "mobilenet_v3_large", "MobileNetV3Large", "inside", "*_v3_large_224_{alpha}_float_no_top*.h5", (0.75, 1.0)
    ),
    Architecture("efficientnet_v2_b0", "EfficientNetV2B0", "inside", "efficientnetv2-b0_notop.h5"),
    Architecture("convnext_tiny", "ConvNeXtTiny", "inside", "convnext_tiny_notop.h5"),
    Architecture("resnet50_v2", "ResNet50V2", "signed", "resnet50v2_*_notop.h5"),
    Architecture("densenet121", "DenseNet121", "standard", "densenet121_*_notop.h5"),
)
ARCHITECTURES: Final = {entry.name: entry for entry in ENTRIES}


def is_custom(name: str) -> bool:
    """Tell whether a backbone's name is the path of a custom network."""
    return name.endswith(".keras")


def title(name: str) -> str:
    """Return a backbone's name for readers; for a path only the file name, because the folder is specific to a machine.

    Examples
    --------
    >>> title("mobilenet_v2"), title("backbones/mine.keras")
    ('MobileNetV2', 'mine.keras')
    """
    return ARCHITECTURES[name].application if name in ARCHITECTURES else PurePath(name).name


def title_with_width(name: str, alpha: float) -> str:
    """Return a backbone's name for readers, with its width if it has several."""
    several = name in ARCHITECTURES and len(ARCHITECTURES[name].widths) > 1
    return f"{title(name)}, alpha {alpha}" if several else title(name)


def list_names() -> str:
    """List the allowed values of `backbone.name`, for an error message."""
    return f"{', '.join(ARCHITECTURES)}, or the path of a .keras file"
