"""A rebuilt network computes the same, is flattened, and has no active dropout in its frozen part."""

from collections.abc import Callable

import keras
import numpy as np
import pytest

from facegender.errors import UserError
from facegender.network.rebuild import can_take_apart, flatten, is_noise, rebuild


def nested() -> keras.Model:
    """Build a block within a block, with operators, layer names that Keras numbers, and names of the classifier."""
    inner = keras.Sequential(
        [keras.Input((6, 6, 4)), keras.layers.Conv2D(4, 1, name="conv"), keras.layers.Dropout(0.9)], name="inner"
    )
    start = keras.Input((6, 6, 3), name="image")
    mixed = keras.layers.Conv2D(4, 3, padding="same", name="conv")(start)
    added = inner(mixed, training=True) + 2.0 * mixed
    block = keras.Model(start, keras.layers.Dropout(0.5, name="pool")(added), name="block")
    image = keras.Input((6, 6, 3), name="image")
    rectified = keras.layers.ReLU()(block(image))
    return keras.Model(image, keras.layers.BatchNormalization()(rectified), name="own")


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype(np.float32)


def test_a_flat_network_is_not_built_a_second_time() -> None:
    image = keras.Input((6, 6, 3))
    flat_one = keras.Model(image, keras.layers.Conv2D(4, 1, name="conv")(image))
    numbered = keras.Model(image, keras.layers.Conv2D(4, 1)(image))
    augmenting = keras.Model(image, keras.layers.Dropout(0.5, name="drop")(image))
    assert flatten(flat_one, 6) is flat_one
    for other in (numbered, augmenting, nested()):
        assert flatten(other, 6) is not other
    image = keras.Input((None, None, 3))
    any_size = keras.Model(image, keras.layers.Conv2D(4, 1, name="conv")(image))
    assert flatten(any_size, 6).input_shape == (None, 6, 6, 3)


def test_nested_networks_are_flattened_and_names_stay_distinct(images: np.ndarray) -> None:
    keras.layers.ReLU()  # the next ReLU gets the next number from Keras
    original = nested()
    apart = flatten(original, 6)
    assert np.allclose(np.asarray(apart(images)), np.asarray(original(images, training=False)), atol=1e-6)
    names = [layer.name for layer in apart.layers[1:]]
    # the classifier has its own layers `dropout` and `pool`, and the inner block's convolution is the second `conv`
    assert names == ["conv", "inner_conv", "inner_dropout", "block_pool", "re_lu", "batch_normalization"]
    assert [operation.name for operation in apart.operations if not isinstance(operation, keras.Layer)] == [
        "multiply",
        "add",
    ]
    again, layers = rebuild(apart, keras.Input((6, 6, 3)))
    assert list(layers) == names
    assert again.shape == apart.output.shape


def test_dropout_depends_on_the_seed_unless_inactive(images: np.ndarray) -> None:
    apart = flatten(nested(), 6)

    def run(seed: int, inactive: set[str]) -> np.ndarray:
        image = keras.Input((6, 6, 3))
        return np.asarray(keras.Model(image, rebuild(apart, image, seed, inactive)[0])(images, training=True))

    both = {"inner_dropout", "block_pool"}
    assert np.array_equal(run(1, set()), run(1, set()))
    assert not np.array_equal(run(1, set()), run(2, set()))
    assert not np.array_equal(run(1, {"inner_dropout"}), run(2, {"inner_dropout"}))
    assert np.array_equal(run(1, both), run(2, both))


def test_which_layers_are_noise() -> None:
    from keras.src.applications.convnext import StochasticDepth

    for layer in (
        keras.layers.Dropout(0.5),
        keras.layers.SpatialDropout2D(0.5),
        keras.layers.AlphaDropout(0.5),
        keras.layers.GaussianDropout(0.5),
        keras.layers.GaussianNoise(0.5),
        StochasticDepth(0.5),
    ):
        assert is_noise(layer)
        assert np.array_equal(
            np.asarray(layer(np.ones((1, 2, 2, 3), np.float32), training=False)), np.ones((1, 2, 2, 3))
        )
    assert not is_noise(keras.layers.BatchNormalization())


@keras.saving.register_keras_serializable("tests")
class Code(keras.Model):
    """A network with code of its own."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.conv = keras.layers.Conv2D(2, 1)

    def call(self, inputs: object) -> object:
        return self.conv(inputs)


def used_twice(image: keras.KerasTensor) -> keras.KerasTensor:
    conv = keras.layers.Conv2D(3, 1, name="shared")
    return conv(conv(image))


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda image: Code(name="code")(image), "code, a Code, is not a graph of layers"),
        (used_twice, "the weights of shared are used at two places"),
        (lambda image: keras.layers.RandomFlip(name="flips")(image), "flips, a RandomFlip, augments"),
    ],
    ids=["code", "shared", "augments"],
)
def test_a_layer_that_cannot_be_rebuilt_is_named(
    build: Callable[[keras.KerasTensor], keras.KerasTensor], reason: str
) -> None:
    image = keras.Input((6, 6, 3))
    with pytest.raises(UserError, match=f"functional or sequential network .* Received: {reason}"):
        flatten(keras.Model(image, build(image)), 6)


def test_a_layer_without_weights_may_be_used_twice(images: np.ndarray) -> None:
    image = keras.Input((6, 6, 3))
    rectify = keras.layers.ReLU(name="rectify")
    original = keras.Model(image, rectify(rectify(image) - 0.5), name="own")
    apart = flatten(original, 6)
    assert [layer.name for layer in apart.layers[1:]] == ["rectify", "own_rectify"]
    assert np.array_equal(np.asarray(apart(images)), np.asarray(original(images)))


def test_only_graphs_can_be_flattened() -> None:
    assert can_take_apart(nested())
    assert not can_take_apart(Code())
    assert not can_take_apart(keras.Sequential([keras.layers.ReLU()]))  # no graph before it has an input
