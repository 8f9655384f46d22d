"""Cuts, weights, and the classifier that joins the parts."""

import random
from pathlib import Path

import keras
import numpy as np
import pytest

from facegender.errors import UserError
from facegender.network import backbone as backbones
from facegender.network.backbone import build_backbone, choose_cut, find_cuts, fingerprint, load_backbone
from facegender.network.classifier import build_classifier
from facegender.network.weights import resolve_weights
from facegender.params.sections import BackboneParams, TrainParams

TINY = BackboneParams(alpha=0.35, image_size=64, weights="none")


@pytest.fixture(scope="module")
def backbone() -> keras.Model:
    return load_backbone(TINY, "none", seed=1)


def test_the_specified_cut_lies_behind_block_13_project(backbone: keras.Model) -> None:
    assert len(backbone.layers) == 154
    cut = choose_cut(backbone, 30)
    assert (cut.layer, cut.trained) == ("block_13_project", 30)


def test_a_skip_connection_moves_the_cut_forward(backbone: keras.Model) -> None:
    # block_15_add adds block_14_add and block_15_project_BN: no layer between them can be a cut; block_16 has no skip
    names = [layer.name for layer in backbone.layers]
    behind = len(names) - 1 - names.index("block_15_expand")
    assert choose_cut(backbone, behind).layer == "block_14_add"


def test_every_valid_cut_builds_a_tuned_part_and_no_other_does(backbone: keras.Model) -> None:
    valid = set(find_cuts(backbone))
    for position, layer in enumerate(backbone.layers[:-1]):
        try:
            part = keras.Model(layer.output, backbone.output)
        except ValueError:
            assert position not in valid, layer.name
        else:
            # Keras also builds a part that reads the network's input; then the input is among its layers
            assert position in valid or backbone.layers[0] in part.layers, layer.name


def test_zero_and_all_layers(backbone: keras.Model) -> None:
    assert choose_cut(backbone, 0).layer == "out_relu"
    assert choose_cut(backbone, 154).layer is None
    with pytest.raises(UserError, match="must be at most 154"):
        choose_cut(backbone, 155)


def test_auto_weights() -> None:
    auto = BackboneParams()
    assert resolve_weights(auto, drawn_demo=True) == "demo"
    assert resolve_weights(auto, drawn_demo=False) == "imagenet"
    assert resolve_weights(TINY, drawn_demo=True) == "none"


def test_weights_from_a_file_and_the_errors_of_a_wrong_one(backbone: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "a.weights.h5"
    backbone.save_weights(path)
    assert fingerprint(load_backbone(TINY, str(path), seed=2)) == fingerprint(backbone)
    with pytest.raises(UserError, match=r"must hold the weights of .*alpha=0.5"):
        load_backbone(TINY.model_copy(update={"alpha": 0.5}), str(path), seed=2)
    with pytest.raises(UserError, match="there is no such file"):
        load_backbone(TINY, "nowhere.h5", seed=2)
    with pytest.raises(UserError, match="there is no such file"):
        load_backbone(TINY, "own", seed=2)  # only a custom backbone has weights of its own


def test_random_weights_depend_on_the_seed_alone(backbone: keras.Model) -> None:
    random.random()
    assert fingerprint(load_backbone(TINY, "none", seed=1)) == fingerprint(backbone)
    assert fingerprint(load_backbone(TINY, "none", seed=2)) != fingerprint(backbone)


def test_a_failed_download_names_three_remedies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # an address where nothing listens simulates a machine without network
    origin = "http://127.0.0.1:9/"
    monkeypatch.setattr("keras.src.applications.mobilenet_v2.BASE_WEIGHT_PATH", origin)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path), raising=False)
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path), raising=False)
    with pytest.raises(UserError, match="Connect this machine once") as caught:
        load_backbone(BackboneParams(alpha=0.35, image_size=96), "imagenet", seed=0)
    assert "set backbone.weights in params.yaml to its path" in str(caught.value)
    assert "`none`" in str(caught.value)


def test_the_socket_timeout_is_restored() -> None:
    import socket

    socket.setdefaulttimeout(3.0)
    try:
        with backbones._socket_timeout(1.0):
            assert socket.getdefaulttimeout() == 1.0
        assert socket.getdefaulttimeout() == 3.0
    finally:
        socket.setdefaulttimeout(None)


def test_the_parts_joined_equal_the_whole(backbone: keras.Model) -> None:
    classifier = build_classifier(TINY, backbone, choose_cut(backbone, 30), TrainParams(), cached=True)
    images = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3)).astype(np.float32)
    assert classifier.frozen is not None
    logit = np.asarray(classifier.tuned(classifier.frozen(images)))
    pooled = classifier.to_pool(classifier.frozen(images))
    assert np.allclose(np.asarray(classifier.head(pooled)), logit, atol=1e-6)
    assert np.allclose(np.asarray(classifier.whole(images)), 1 / (1 + np.exp(-logit)), atol=1e-6)


def test_scaling_is_inside_and_the_weights_are_the_backbones(backbone: keras.Model) -> None:
    classifier = build_classifier(TINY, backbone, choose_cut(backbone, 30), TrainParams(), cached=True)
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.float32)
    expected = np.asarray(backbone(images / 127.5 - 1.0))
    assert classifier.frozen is not None
    pooled = np.asarray(classifier.to_pool(classifier.frozen(images)))
    assert np.allclose(pooled, expected.mean(axis=(1, 2)), atol=1e-5)


def test_batch_norm_statistics_change_in_training_mode_only(backbone: keras.Model) -> None:
    features = np.random.default_rng(0).normal(size=(16, 2, 2, 56)).astype(np.float32)
    for mode, moves in [("inference", False), ("training", True)]:
        train = TrainParams(batch_norm=mode)
        classifier = build_classifier(TINY, backbone, choose_cut(backbone, 30), train, cached=True)
        norms = [layer for layer in classifier.tuned.layers if isinstance(layer, keras.layers.BatchNormalization)]
        assert len(norms) == 11
        before = [np.asarray(layer.moving_mean) for layer in norms]
        classifier.tuned.compile("sgd", "mse")
        classifier.tuned.fit(features, np.zeros((16, 1)), verbose=0)
        moved = [
            not np.array_equal(old, np.asarray(layer.moving_mean)) for old, layer in zip(before, norms, strict=True)
        ]
        assert all(moved) if moves else not any(moved)


def test_only_the_last_layers_train(backbone: keras.Model) -> None:
    classifier = build_classifier(TINY, backbone, choose_cut(backbone, 30), TrainParams(), cached=False)
    trained = {variable.path.split("/")[0] for variable in classifier.whole.trainable_variables}
    assert trained == {
        *(f"block_{block}_{part}" for block in (14, 15, 16) for part in ("expand", "depthwise", "project")),
        "Conv_1",
        "logit",
    }


def test_plain_backbone_has_no_classifier() -> None:
    assert build_backbone(TINY).output.shape == (None, 2, 2, 1280)
