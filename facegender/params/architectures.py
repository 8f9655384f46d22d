"""Which backbones there are by name: Keras's constructor, the pixels it wants, the widths and sizes it comes in.

A new one is one entry of `ENTRIES`, for whatever `keras.applications` has. A path that ends in .keras names a network
of one's own. Knows names and numbers only, so that params.yaml is read without Keras.
"""

from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Literal

Scaling = Literal["signed", "standard", "caffe", "inside"]


@dataclass(frozen=True)
class Architecture:
    """One of `keras.applications`.

    Attributes
    ----------
    name
        In params.yaml.
    application
        The constructor's name.
    scaling
        What stands before it in our model, which takes RGB in [0, 255]. signed: to [-1, 1]; standard: less ImageNet's
        mean, over its standard deviation, each channel; caffe: BGR less the mean; inside: nothing, for its own first
        layers scale. Keras's names of the first three are tf, torch and caffe.
    kept
        Pattern of the file below ~/.keras/models that Keras keeps its downloaded weights in.
    widths
        That ImageNet weights come in (`backbone.alpha`).
    min_side
        Pixels.
    """

    name: str
    application: str
    scaling: Scaling
    kept: str
    widths: tuple[float, ...] = (1.0,)
    min_side: int = 32

    def call(self, alpha: float) -> str:
        """How it is built, for an error message."""
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


def is_own(name: str) -> bool:
    """Whether a name is the path of a network of one's own."""
    return name.endswith(".keras")


def title(name: str) -> str:
    """A backbone's name for readers; of a path only the file's name, for the folder is one machine's own."""
    return ARCHITECTURES[name].application if name in ARCHITECTURES else PurePath(name).name


def described(name: str, alpha: float) -> str:
    """A backbone's name for readers, with its width where it comes in several."""
    several = name in ARCHITECTURES and len(ARCHITECTURES[name].widths) > 1
    return f"{title(name)}, alpha {alpha}" if several else title(name)


def choices() -> str:
    """What `backbone.name` may be."""
    return f"{', '.join(ARCHITECTURES)}, or the path of a .keras file"
