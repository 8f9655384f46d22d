"""Rebuild a functional network on another input, layer by layer, with nested networks flattened.

Keras's `clone_model` keeps a nested network as a single layer, inside which nothing can be cut.
"""

import re
from collections import Counter
from collections.abc import Callable, Container
from typing import Any, Final

import keras

from facegender.errors import UserError
from facegender.network.keras_graph import count_calls, replace_operations

# names of the classifier's own layers
RESERVED_NAMES: Final = frozenset({"image", "scale", "pool", "dropout", "logit", "probability", "as_it_is", "cut"})


def flatten(model: keras.Model, image_size: int) -> keras.Model:
    """Return the same network with the same weights for pictures (n, s, s, 3), without nested networks.

    Raises
    ------
    UserError
        It has parts that are not functional networks, weights used at two places, or layers that augment.
    """
    copier = _Copier(recount=True)
    if model.input_shape == (None, image_size, image_size, 3) and copier.changes_nothing(model):
        return model
    image = keras.Input((image_size, image_size, 3))
    output = copier.run(model, image)
    return keras.Model(image, output, name=model.name)


def rebuild(
    model: keras.Model, image: keras.KerasTensor, seed: int = 0, inactive: Container[str] = ()
) -> tuple[keras.KerasTensor, dict[str, keras.Layer]]:
    """Rebuild the layers of a network on `image`, with their weights.

    Parameters
    ----------
    seed
        Seed of dropout and similar layers; each adds its position.
    inactive
        Layers that run in inference mode even in training. For dropout, `trainable` does not achieve that.

    Returns
    -------
    The output, and the new layers by name.
    """
    copier = _Copier(seed, inactive)
    return copier.run(model, image), copier.layers


def is_noise(layer: keras.Layer) -> bool:
    """Whether a layer does nothing in inference and acts at random in training."""
    kinds = (keras.layers.Dropout, keras.layers.AlphaDropout, keras.layers.GaussianDropout, keras.layers.GaussianNoise)
    return isinstance(layer, kinds) or type(layer).__name__ == "StochasticDepth"  # which Keras does not export


def can_take_apart(model: Any) -> bool:
    """Whether a network is a graph of layers, rather than a class with code of its own."""
    return isinstance(model, keras.Function) or (isinstance(model, keras.Sequential) and model.built)


class _Copier:
    def __init__(self, seed: int = 0, inactive: Container[str] = (), recount: bool = False) -> None:
        self.seed, self.inactive, self.recount = seed, inactive, recount
        self.counts: Counter[str] = Counter()
        self.layers: dict[str, keras.Layer] = {}
        self.names = set(RESERVED_NAMES)
        self.seen: set[int] = set()

    def changes_nothing(self, model: keras.Model) -> bool:
        """Whether a copy would be equal: no nested network, no layer used twice, no name that Keras chose."""
        return isinstance(model, keras.Function) and all(
            isinstance(operation, keras.layers.InputLayer)
            or (
                isinstance(operation, keras.Layer)
                and not isinstance(operation, keras.Model)
                and count_calls(operation) == 1
                and "seed" not in operation.get_config()
                and operation.name not in RESERVED_NAMES
                and not self._is_counted(operation)
            )
            for operation in model.operations
        )

    def run(self, model: keras.Model, tensor: keras.KerasTensor) -> keras.KerasTensor:
        return replace_operations(model, tensor, lambda operation: self.copy_operation(operation, model.name))

    def copy_operation(self, operation: Any, inside: str) -> Callable[..., Any]:
        if can_take_apart(operation):
            return lambda tensor, **_: self.run(operation, tensor)
        config = operation.get_config()
        name = self._name(operation, inside)
        if not isinstance(operation, keras.Layer):  # `+` and `*`, which have no weights
            arithmetic: Callable[..., Any] = type(operation).from_config({**config, "name": name})
            return arithmetic
        self._check(operation, config)
        if is_noise(operation) and operation.name in self.inactive:
            copy = keras.layers.Activation("linear", name=name, dtype=operation.dtype_policy)
        else:
            seeded = {"seed": self.seed + len(self.layers)} if "seed" in config else {}
            copy = type(operation).from_config({**config, "name": name, **seeded})
        self.layers[name] = copy

        def call(*args: Any, **kwargs: Any) -> Any:
            kwargs.pop("training", None)  # the classifier decides which layers train, not the saved file
            result = copy(*args, **kwargs)
            if copy.weights:
                copy.set_weights(operation.get_weights())
            return result

        return call

    def _name(self, operation: Any, inside: str) -> str:
        name: str = operation.name
        if self.recount and self._is_counted(operation):
            kind = _kind(operation)
            # Keras numbers names across the process; the cut's name must not depend on what was built before
            name = f"{kind}_{self.counts[kind]}" if self.counts[kind] else kind
            self.counts[kind] += 1
        while name in self.names:
            name = f"{inside}_{name}"
        self.names.add(name)
        return name

    def _is_counted(self, operation: Any) -> bool:
        """Whether Keras chose the name, which then is the class and a number."""
        return _kind(operation).replace("_", "") == type(operation).__name__.lower()

    def _check(self, layer: keras.Layer, config: dict[str, Any]) -> None:
        reason = None
        if isinstance(layer, keras.Model):
            reason = f"{layer.name}, a {type(layer).__name__}, is not a graph of layers"
        elif id(layer) in self.seen and layer.weights:
            reason = f"the weights of {layer.name} are used at two places"
        elif "seed" in config and not is_noise(layer):
            reason = f"{layer.name}, a {type(layer).__name__}, augments"
        if reason:
            raise UserError(
                "params.yaml, backbone.name",
                "must be a functional or sequential network of layers that are each used once and do not augment; "
                "the section `augment` augments pictures",
                reason,
            )
        self.seen.add(id(layer))


def _kind(operation: Any) -> str:
    return re.sub(r"_\d+$", "", operation.name)
