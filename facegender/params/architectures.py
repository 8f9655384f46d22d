"""Which backbones there are by name: Keras's constructor, the pixels it wants, the widths and sizes it comes in.

A new one is one entry of `ENTRIES`, for whatever `keras.applications` has. A path that ends in .keras names a network
of one's own. Knows names and numbers only, so that params.yaml is read without Keras.
"""

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Literal

from facegender.errors import UserError

if TYPE_CHECKING:
    from facegender.params.sections import BackboneParams

Scaling = Literal["signed", "standard", "caffe", "inside"]

WEIGHTS: Final = "params.yaml, backbone.weights"


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
    cache_pattern
        Pattern of the file below ~/.keras/models that Keras keeps its downloaded weights in.
    widths
        That ImageNet weights come in (`backbone.alpha`).
    min_side
        Pixels.
    """

    name: str
    application: str
    scaling: Scaling
    cache_pattern: str
    widths: tuple[float, ...] = (1.0,)
    min_side: int = 32

    def constructor_call(self, alpha: float) -> str:
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


def is_custom(name: str) -> bool:
    """Whether a name is the path of a network of one's own."""
    return name.endswith(".keras")


def title(name: str) -> str:
    """A backbone's name for readers; of a path only the file's name, for the folder is one machine's own."""
    return ARCHITECTURES[name].application if name in ARCHITECTURES else PurePath(name).name


def title_with_width(name: str, alpha: float) -> str:
    """A backbone's name for readers, with its width where it comes in several."""
    several = name in ARCHITECTURES and len(ARCHITECTURES[name].widths) > 1
    return f"{title(name)}, alpha {alpha}" if several else title(name)


def list_names() -> str:
    """What `backbone.name` may be."""
    return f"{', '.join(ARCHITECTURES)}, or the path of a .keras file"


def resolve_weights(params: "BackboneParams", drawn_demo: bool) -> str:
    """What `auto` means here: those in a file of one's own, `demo` where the data is the drawn demo, else `imagenet`.

    Raises
    ------
    UserError
        This backbone does not come with the weights asked for.
    """
    source = params.weights
    if is_custom(params.name):
        if source in ("imagenet", "demo", "none"):
            raise UserError(
                WEIGHTS,
                "must be auto, for those in the file that backbone.name names, or the path of a .weights.h5 file",
                source,
            )
        return "own" if source == "auto" else source
    if source == "auto":
        source = "demo" if drawn_demo else "imagenet"
    if source == "demo" and params.name != "mobilenet_v2":
        raise UserError(
            WEIGHTS,
            "the demo has weights for mobilenet_v2 only",
            f"{params.weights}, with backbone.name {params.name}",
            "Set backbone.weights to imagenet or none, or backbone.name to mobilenet_v2.",
        )
    return source
