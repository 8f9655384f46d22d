"""Every entry of `ARCHITECTURES` at its smallest: scaling, cuts, weights, joined parts; a new one needs one entry."""

import fnmatch
import importlib
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest

from facegender.errors import UserError
from facegender.evaluation.evaluate import evaluate
from facegender.evaluation.gradcam import heat_maps
from facegender.features.features import features
from facegender.network import backbone as backbones
from facegender.network.applications import build_application
from facegender.network.backbone import choose_cut, find_cuts, fingerprint, load_backbone
from facegender.network.classifier import Classifier, build_classifier
from facegender.network.engine_choice import export_engine
from facegender.network.keras_file import load_model, save_model
from facegender.network.rebuild import flatten, is_noise
from facegender.network.weights import resolve_weights
from facegender.params.architectures import ARCHITECTURES, Architecture, title, title_with_width
from facegender.params.sections import BackboneParams, ScoringParams, TrainParams
from facegender.params.stage_params import EvaluateStageParams
from facegender.scoring.predict import predict
from facegender.training.train import train
from tests.small_training import Workspace, params_with

MODULES = {  # of keras.applications, each with a preprocess_input of its own
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3_small": "mobilenet_v3",
    "mobilenet_v3_large": "mobilenet_v3",
    "efficientnet_v2_b0": "efficientnet_v2",
    "convnext_tiny": "convnext",
    "resnet50_v2": "resnet_v2",
    "densenet121": "densenet",
}
SIGNED = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))
STANDARD = (  # each channel's mean and standard deviation in ImageNet, for values in [0, 1]
    (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225),
    ((1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225),
)
SEEN = {  # what the first convolution must receive for black and for white
    "mobilenet_v2": SIGNED,
    "mobilenet_v3_small": SIGNED,
    "mobilenet_v3_large": SIGNED,
    "efficientnet_v2_b0": STANDARD,
    "convnext_tiny": STANDARD,
    "resnet50_v2": SIGNED,
    "densenet121": STANDARD,
}
SIDE = 32
EXPORTED = (
    "mobilenet_v3_small",
    "efficientnet_v2_b0",
)  # one for each way to scale inside; the larger ones take a minute each


@dataclass(frozen=True)
class Case:
    """One entry's network with random weights."""

    entry: Architecture
    params: BackboneParams
    backbone: keras.Model
    requested: str  # the file of weights that Keras requested


@pytest.fixture(scope="module", params=ARCHITECTURES)
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """Build a network as for ImageNet weights, but do not load their file; once, because building takes seconds."""
    entry = ARCHITECTURES[request.param]
    alpha = min(entry.widths)
    requested = []
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns that the weights are made for 224 pixels
        patch.setattr("keras.src.utils.file_utils.get_file", lambda name, *_, **__: requested.append(name))
        patch.setattr(keras.Model, "load_weights", lambda *_, **__: None)
        model = build_application(entry, SIDE, alpha, "imagenet")
    params = BackboneParams(name=entry.name, alpha=alpha, image_size=SIDE, weights="none")
    yield Case(entry, params, backbones._randomise(flatten(model, SIDE), seed=1), requested[0])
    keras.backend.clear_session()


@pytest.fixture(scope="module")
def classifier(case: Case) -> Classifier:
    return build_classifier(case.params, case.backbone, choose_cut(case.backbone, 30), TrainParams(), cached=True)


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3)).astype(np.float32)


def test_keras_keeps_the_weights_where_the_doctor_looks(case: Case) -> None:
    assert fnmatch.fnmatch(case.requested, case.entry.cache_pattern.format(alpha=case.params.alpha))


def test_the_first_convolution_receives_the_range_that_it_expects(case: Case, classifier: Classifier) -> None:
    whole = classifier.whole
    first = next(layer for layer in whole.layers if layer.count_params())
    before = keras.Model(whole.input, first.input)
    for value, expected in zip((0.0, 255.0), SEEN[case.entry.name], strict=True):
        seen = np.asarray(before(np.full((1, SIDE, SIDE, 3), value, np.float32)))
        middle = seen[0, SIDE // 2, SIDE // 2]  # not at the border, which may be padding
        assert middle.tolist() == pytest.approx(expected, abs=1e-5)


def test_scaling_equals_keras_and_the_joined_parts_equal_the_whole(case: Case, classifier: Classifier) -> None:
    images = pictures(2)
    module = importlib.import_module(f"keras.applications.{MODULES[case.entry.name]}")
    # Keras's function scales in place, so it gets a copy
    expected = np.asarray(case.backbone(module.preprocess_input(images.copy()))).mean(axis=(1, 2))
    assert classifier.frozen is not None
    features = classifier.frozen(images)
    assert np.allclose(
        np.asarray(classifier.to_pool(features)), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max()
    )
    logit = np.asarray(classifier.tuned(features))
    assert np.allclose(np.asarray(classifier.whole(images)), 1 / (1 + np.exp(-logit)), atol=1e-6)


def test_a_cut_leaves_enough_layers_to_train_and_no_noise_before_it(case: Case, classifier: Classifier) -> None:
    cut = choose_cut(case.backbone, 30)
    assert 30 <= cut.trained <= 34  # no block is longer than that
    assert {layer.name for layer in case.backbone.layers[-cut.trained :]} <= {
        layer.name for layer in classifier.tuned.layers
    }
    assert classifier.frozen is not None
    assert not any(is_noise(layer) for layer in classifier.frozen.layers)
    trained = {id(variable) for variable in classifier.tuned.trainable_variables}
    assert {id(variable) for variable in classifier.whole.trainable_variables} == trained


def test_a_cut_right_after_the_networks_own_scaling_freezes_nothing(case: Case) -> None:
    count = len(case.backbone.layers)
    first = next(place for place, layer in enumerate(case.backbone.layers) if layer.count_params())
    assert choose_cut(case.backbone, count - first).layer is None


def test_the_network_can_be_divided_at_any_valid_cut(case: Case) -> None:
    backbone, images = case.backbone, pictures(1) / 255
    expected = np.asarray(backbone(images))
    cuts = find_cuts(backbone)
    assert len(cuts) >= 20
    for position in (cuts[len(cuts) // 4], cuts[len(cuts) // 2], cuts[-2]):
        border = backbone.operations[position].output
        parts = keras.Model(backbone.input, border), keras.Model(border, backbone.output)
        received = np.asarray(parts[1](parts[0](images)))
        assert np.allclose(received, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_the_seed_decides_every_kernel(case: Case) -> None:
    before = fingerprint(case.backbone)
    for layer in case.backbone.layers:
        for variable in layer.weights:
            if len(variable.shape) > 1:
                variable.assign(np.random.default_rng(2).normal(size=variable.shape))
    assert fingerprint(case.backbone) != before
    assert fingerprint(backbones._randomise(case.backbone, seed=1)) == before


@pytest.mark.slow
@pytest.mark.parametrize("case", EXPORTED, indirect=True)
def test_the_saved_model_its_export_and_its_heat_maps_agree(case: Case, classifier: Classifier, tmp_path: Path) -> None:
    images = pictures(3).astype(np.uint8)
    for number, pixels in enumerate(images):
        keras.utils.save_img(tmp_path / f"{number}.png", pixels, scale=False)
    save_model(classifier.whole, tmp_path / "model.keras")
    checks = export_engine(classifier.whole, tmp_path, images, ScoringParams(precision="float32"))
    assert [check.agrees for check in checks] == [True]
    assert checks[0].largest_difference < 1e-4
    loaded = load_model(tmp_path / "model.keras")
    assert np.allclose(np.asarray(loaded(images)), np.asarray(classifier.whole(images)), atol=1e-6)
    (tmp_path / "classes.json").write_text(json.dumps({"image_size": SIDE}))
    maps = {}
    for engine in ("openvino", "tensorflow"):
        (tmp_path / "engine.json").write_text(json.dumps({"engine": engine}))
        maps[engine] = heat_maps(tmp_path, sorted(tmp_path.glob("*.png")))
    assert maps["openvino"].shape == (3, *case.backbone.output.shape[1:3])
    most = np.abs(maps["tensorflow"]).max()
    assert np.allclose(maps["openvino"], maps["tensorflow"], rtol=1e-3, atol=1e-3 * most)
    logits = np.log(np.asarray(loaded(images)) / (1 - np.asarray(loaded(images))))[:, 0]
    assert np.allclose(maps["tensorflow"].mean(axis=(1, 2)), logits, rtol=1e-3, atol=1e-3 * max(1.0, most))


def test_a_new_architecture_needs_one_entry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from keras.applications import vgg16

    entry = Architecture("vgg16", "VGG16", "caffe", "vgg16_*_notop.h5")
    monkeypatch.setitem(ARCHITECTURES, entry.name, entry)
    params = BackboneParams(name="vgg16", image_size=SIDE, weights="none")
    backbone = load_backbone(params, resolve_weights(params, drawn_demo=False), seed=1)
    cut = choose_cut(backbone, 4)
    assert (cut.layer, cut.trained) == ("block4_pool", 4)  # three convolutions and a pooling
    whole = build_classifier(params, backbone, cut, TrainParams(), cached=True).whole
    images = pictures(2)
    pooled = keras.Model(whole.input, whole.get_layer("pool").output)
    # BGR minus the mean
    expected = np.asarray(backbone(vgg16.preprocess_input(images.copy()))).mean(axis=(1, 2))
    assert np.allclose(np.asarray(pooled(images)), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    save_model(whole, tmp_path / "model.keras")
    assert np.allclose(np.asarray(load_model(tmp_path / "model.keras")(images)), np.asarray(whole(images)), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["mobilenet_v3_small", "efficientnet_v2_b0"]
)  # test_custom_backbone.py covers online mode
def test_the_pipeline_runs_with_it(name: str, workspace: Workspace) -> None:
    layout, tiny = workspace.layout, params_with(train={"epochs": 1})
    chosen = {"name": name, "alpha": min(ARCHITECTURES[name].widths), "image_size": SIDE}
    params = tiny.model_copy(update={"backbone": tiny.backbone.model_copy(update=chosen)})
    features(layout, params)
    train(layout, params)
    evaluate(layout, EvaluateStageParams.of(params))
    assert f"{title(name)} with a new head" in (layout.evaluation / "model_card.md").read_text()
    (prediction,) = predict(layout.model, [layout.images / "00.png"])
    assert prediction.label in ("0", "1")
    assert layout.model.joinpath("history.csv").read_text().count("\n") == 3  # a header and one epoch of each phase


def test_titles_of_backbones() -> None:
    assert title("convnext_tiny") == "ConvNeXtTiny"
    assert title("some/folder/own.keras") == "own.keras"
    assert title_with_width("mobilenet_v2", 0.35) == "MobileNetV2, alpha 0.35"
    assert title_with_width("densenet121", 1.0) == "DenseNet121"


def test_the_demo_has_weights_for_one_architecture_only() -> None:
    other = BackboneParams(name="densenet121")
    assert resolve_weights(other, drawn_demo=False) == "imagenet"
    for params, drawn in ((other, True), (other.model_copy(update={"weights": "demo"}), False)):
        with pytest.raises(UserError, match=r"demo weights exist for mobilenet_v2 only\. Received: .*densenet121"):
            resolve_weights(params, drawn)
