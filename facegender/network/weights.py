"""Which weights a backbone starts from; names only, so that nothing of Keras is imported."""

from typing import Final

from facegender.errors import UserError
from facegender.params.architectures import is_custom
from facegender.params.sections import BackboneParams

WEIGHTS: Final = "params.yaml, backbone.weights"


def resolve_weights(params: BackboneParams, drawn_demo: bool) -> str:
    """Return where the weights come from: imagenet, demo, own, none, or a path.

    `auto` becomes `own` for a network of the user's, `demo` if the data is the drawn demo, else `imagenet`. Any other
    value of `backbone.weights` is returned as it is.

    Raises
    ------
    UserError
        This backbone has no such weights.
    """
    source = params.weights
    if is_custom(params.name):
        if source in ("imagenet", "demo", "none"):
            raise UserError(
                WEIGHTS,
                "must be auto, for the weights inside the file backbone.name, or the path of a .weights.h5 file",
                source,
            )
        return "own" if source == "auto" else source
    if source == "auto":
        source = "demo" if drawn_demo else "imagenet"
    if source == "demo" and params.name != "mobilenet_v2":
        raise UserError(
            WEIGHTS,
            "demo weights exist for mobilenet_v2 only",
            f"{params.weights}, with backbone.name {params.name}",
            "Set backbone.weights to imagenet or none, or backbone.name to mobilenet_v2.",
        )
    return source
