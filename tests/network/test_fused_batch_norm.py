"""The fused tuned part computes what plain Keras computes, and trains the same variables."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from facegender.network.backbone import choose_cut, load_backbone
from facegender.network.classifier import Classifier, build_classifier
from facegender.network.fused_batch_norm import FusedPart, can_fuse, convolve_depthwise, fuse_tuned_part
from tests.small_training import params_with


def classifier_of(fine_tune_layers: int, **train: object) -> Classifier:
    params = params_with(train={"fine_tune_layers": fine_tune_layers, "dropout": 0.5, **train})
    backbone = load_backbone(params.backbone, "none", 3)
    rng = np.random.default_rng(4)
    for layer in backbone.layers:  # like a trained network: statistics of 0 and 1 would hide a mistake in fusing
        if isinstance(layer, keras.layers.BatchNormalization):
            n = layer.gamma.shape[0]
            layer.set_weights(
                [rng.uniform(0.5, 1.5, n), rng.normal(0, 0.3, n), rng.normal(0, 0.3, n), rng.uniform(0.5, 2, n)]
            )
    return build_classifier(
        params.backbone, backbone, choose_cut(backbone, fine_tune_layers), params.train, cached=True
    )


def step(model: keras.Model, state: keras.Variable, features: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """Return the loss and the gradient of each variable, with dropout in a fixed state."""
    state.assign([7, 8])
    loss_of = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)
    with tf.GradientTape() as tape:
        loss = loss_of(labels, model(features, training=True))
    variables = sorted(model.trainable_variables, key=lambda variable: variable.path)
    return [np.asarray(loss), *(np.asarray(gradient) for gradient in tape.gradient(loss, variables))]


# 30 is the default; 50 includes a convolution of stride 2 with its padding, and a block without a skip connection
@pytest.mark.parametrize("layers", [30, 50])
def test_gradients_are_those_of_plain_keras(layers: int) -> None:
    classifier = classifier_of(layers)
    plain, fused = classifier.tuned, fuse_tuned_part(classifier)
    assert fused is not plain
    assert {id(v) for v in fused.trainable_variables} == {id(v) for v in plain.trainable_variables}
    rng = np.random.default_rng(5)
    features = rng.normal(size=(16, *plain.input.shape[1:])).astype(np.float32)
    labels = (np.arange(16) % 2).astype(np.float32)[:, None]
    state = plain.get_layer("dropout").seed_generator.state
    for expected, received in zip(*(step(m, state, features, labels) for m in (plain, fused)), strict=True):
        # float32 has 1.2e-7; a sum over 16 pictures and several layers loses two digits of it
        assert np.linalg.norm(received - expected) <= 3e-5 * np.linalg.norm(expected)
    assert np.allclose(fused(features), plain(features), atol=1e-5)


# only the first case uses the rotated kernel; its sides of 3 and 5 reveal a missing rotation
@pytest.mark.parametrize(
    ("stride", "padding", "size"), [(1, "SAME", (3, 5)), (2, "SAME", (3, 3)), (1, "VALID", (3, 3)), (1, "SAME", (2, 2))]
)
def test_depthwise_gradients_are_tensorflows(stride: int, padding: str, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(6)
    inputs = tf.constant(rng.normal(size=(3, 7, 6, 4)).astype(np.float32))
    kernel = tf.constant(rng.normal(size=(*size, 4, 1)).astype(np.float32))
    strides = (1, stride, stride, 1)
    found = []
    for convolve in (convolve_depthwise, tf.nn.depthwise_conv2d):
        with tf.GradientTape() as tape:
            tape.watch((inputs, kernel))
            result = convolve(inputs, kernel, strides, padding)
            loss = tf.reduce_sum(result * tf.cos(tf.reshape(tf.range(tf.size(result), dtype=tf.float32), result.shape)))
        found.append([result, *tape.gradient(loss, (inputs, kernel))])
    for ours, theirs in zip(*found, strict=True):
        assert np.allclose(ours, theirs, atol=1e-4)


def test_plain_keras_trains_what_cannot_be_fused() -> None:
    for classifier in (classifier_of(30, batch_norm="training"), classifier_of(0)):
        assert fuse_tuned_part(classifier) is classifier.tuned
    classifier = classifier_of(30)
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        assert fuse_tuned_part(classifier) is classifier.tuned


def test_a_custom_network_is_fused_only_if_every_layer_is_known() -> None:
    features = keras.Input((4, 4, 3))
    bare = keras.layers.Conv2D(3, 1, use_bias=False)
    leaky = keras.layers.ReLU(max_value=6.0, negative_slope=0.5)(bare(features))
    known = keras.Model(features, leaky)
    assert can_fuse(known)
    images = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    assert np.allclose(np.asarray(FusedPart(known)(images)), np.asarray(known(images)), atol=1e-6)
    squashed = keras.layers.Conv2D(3, 1, use_bias=False, activation="relu")(features)
    for output in (squashed, leaky + 1.0, keras.layers.LayerNormalization()(leaky)):
        assert not can_fuse(keras.Model(features, output))
