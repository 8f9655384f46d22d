"""A backbone from the user's own .keras file, checked for what the classifier needs."""

import zipfile
from pathlib import Path

import keras

from facegender.errors import UserError
from facegender.network.keras_file import load_model
from facegender.network.rebuild import can_take_apart

WHERE = "params.yaml, backbone.name"


def load_custom_backbone(name: str, image_size: int) -> keras.Model:
    """Load the network in the file `name`, with its weights; code in the file never runs.

    The network takes RGB in [0, 255], (n, s, s, 3), so it must scale pixels itself. It returns a feature map
    (n, h, w, channels), which the classifier pools.

    Raises
    ------
    UserError
        There is no such file, Keras cannot load it in safe mode, or its input or output has another shape.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        raise UserError(
            WHERE, "must be a known architecture or the path of a .keras file", f"{name}, and there is no such file"
        )
    try:
        model = load_model(path)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise UserError(
            str(path),
            "must be a whole model saved by Keras 3, without Lambda layers or classes of your own",
            str(error).strip().splitlines()[0],
        ) from None
    if not can_take_apart(model):
        raise UserError(str(path), "must be a functional or a built sequential model", type(model).__name__)
    _check_shapes(path, model, image_size)
    return model


def _check_shapes(path: Path, model: keras.Model, side: int) -> None:
    taken = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    wanted = (side, side, 3)
    fits = len(taken) == 1 and len(taken[0]) == 3 and all(a in (None, b) for a, b in zip(taken[0], wanted, strict=True))
    if not fits:
        raise UserError(
            str(path),
            f"must take pictures of shape {wanted}, the side being backbone.image_size",
            "; ".join(map(str, taken)),
            "Set backbone.image_size to the side that the network expects.",
        )
    given = [tuple(tensor.shape) for tensor in model.outputs]
    if len(given) != 1 or len(given[0]) != 4 or given[0][3] is None:
        raise UserError(
            str(path),
            "must give one feature map (n, height, width, channels)",
            "; ".join(map(str, given)),
            "Save it without its pooling and classifier.",
        )
