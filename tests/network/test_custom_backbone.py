"""The user's own .keras file as the backbone: what it must be, that its content counts, and the pipeline with it."""

import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from facegender.cross_validation import train_folds as folds
from facegender.cross_validation.cross_validate import cross_validate
from facegender.cross_validation.fold_features import fold_features
from facegender.cross_validation.train_fold import train_fold
from facegender.errors import UserError
from facegender.evaluation.evaluate import evaluate
from facegender.features.features import features
from facegender.features.store import Manifest
from facegender.network.backbone import choose_cut, fingerprint, load_backbone
from facegender.network.classifier import build_classifier
from facegender.network.custom_backbone import load_custom_backbone
from facegender.network.weights import resolve_weights
from facegender.params.sections import BackboneParams, Params, TrainParams
from facegender.params.stage_params import EvaluateStageParams
from facegender.scoring.predict import predict
from facegender.training.train import train
from tests.small_training import Workspace, params_with
from tests.training.test_resume import Killed, contents, kill_after

SIDE = 64


def own(slope: float = 0.0, side: int | None = None) -> keras.Model:
    """Build a network as a user may have trained it: scaling inside, a nested block, a sum, dropout."""
    block = keras.Sequential(
        [
            keras.Input((None, None, 8)),
            keras.layers.Conv2D(8, 3, padding="same", use_bias=False, name="conv"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.ReLU(negative_slope=slope),
            keras.layers.Dropout(0.3),
        ],
        name="block",
    )
    image = keras.Input((side, side, 3))
    scaled = keras.layers.Rescaling(1 / 255)(image)
    narrow = keras.layers.Conv2D(8, 5, 4, activation="relu", name="stem")(scaled)
    joined = narrow + block(narrow)
    return keras.Model(image, keras.layers.Conv2D(6, 3, 2, activation="relu", name="last")(joined), name="mine")


def with_own(path: Path, **changes: dict[str, object]) -> Params:
    values = params_with(**changes).model_dump(by_alias=True)
    values["backbone"] = {"name": str(path), "image_size": SIDE}
    values["train"]["fine_tune_layers"] = values["train"]["fine_tune_layers"] if "train" in changes else 5
    return Params.model_validate(values)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(3)
    file = tmp_path_factory.mktemp("own") / "mine.keras"
    own().save(file)
    return file


def test_it_receives_pixels_and_is_cut_inside_its_blocks(path: Path) -> None:
    params = BackboneParams(name=str(path), image_size=SIDE)
    source = resolve_weights(params, drawn_demo=True)  # even for the drawn demo: the weights are in the file
    assert source == "own"
    backbone = load_backbone(params, source, seed=1)
    cut = choose_cut(backbone, 1)
    assert cut.trained == 1
    classifier = build_classifier(params, backbone, cut, TrainParams(), cached=True)
    images = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)
    expected = np.asarray(keras.models.load_model(path)(images)).mean(axis=(1, 2))
    assert classifier.frozen is not None
    assert np.allclose(np.asarray(classifier.to_pool(classifier.frozen(images))), expected, atol=1e-5)


def test_only_weights_that_fit_are_loaded(path: Path, tmp_path: Path) -> None:
    params = BackboneParams(name=str(path), image_size=SIDE)
    for source in ("imagenet", "demo", "none"):
        with pytest.raises(UserError, match="must be auto, for the weights inside the file"):
            resolve_weights(params.model_copy(update={"weights": source}), drawn_demo=False)
    other = own()
    other.save_weights(tmp_path / "other.weights.h5")
    given = params.model_copy(update={"weights": str(tmp_path / "other.weights.h5")})
    loaded = load_backbone(given, resolve_weights(given, drawn_demo=False), seed=1)
    assert np.array_equal(loaded.get_layer("stem").get_weights()[0], other.get_layer("stem").get_weights()[0])
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save_weights(tmp_path / "alien.weights.h5")
    with pytest.raises(UserError, match=r"must hold the weights of mine\.keras"):
        load_backbone(given, str(tmp_path / "alien.weights.h5"), seed=1)


def test_equal_weights_in_another_network_have_another_fingerprint(tmp_path: Path) -> None:
    prints = []
    for slope in (0.0, 0.0, 0.1):
        keras.utils.set_random_seed(3)
        file = tmp_path / f"{len(prints)}.keras"
        own(slope).save(file)
        prints.append(fingerprint(load_backbone(BackboneParams(name=str(file), image_size=SIDE), "own", 1)))
    assert prints[0] == prints[1] != prints[2]


def test_a_difference_instead_of_a_sum_has_another_fingerprint() -> None:
    image = keras.Input((4, 4, 3))
    conv = keras.layers.Conv2D(3, 1, kernel_initializer="ones", name="conv")
    out = conv(image)
    models = [keras.Model(image, out + 1.0), keras.Model(image, out - 1.0), keras.Model(image, out + 2.0)]
    assert len({fingerprint(model) for model in models}) == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.write_bytes(b"no network"), "must be a whole model saved by Keras 3"),
        (
            lambda path: keras.Sequential([keras.Input((SIDE, SIDE, 3)), keras.layers.Lambda(lambda x: x)]).save(path),
            "without Lambda layers",
        ),
        (
            lambda path: keras.Sequential([keras.layers.Conv2D(3, 1)]).save(path),
            "must be a functional or a built sequential model. Received: Sequential",
        ),
        (
            lambda path: own(side=96).save(path),
            r"shape \(64, 64, 3\), .* Received: \(96, 96, 3\). Set backbone.image_size",
        ),
        (
            lambda path: keras.Sequential([own(), keras.layers.GlobalAveragePooling2D()]).save(path),
            r"must give one feature map .* Received: \(None, 6\). Save it without its pooling",
        ),
    ],
    ids=["missing", "junk", "lambda", "unbuilt", "size", "pooled"],
)
@pytest.mark.filterwarnings("ignore")  # Keras warns when it saves an unbuilt model
def test_a_file_that_does_not_fit_is_refused_with_the_reason(make: object, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.keras"
    make(file)  # type: ignore[operator]
    with pytest.raises(UserError, match=message):
        load_custom_backbone(str(file), SIDE)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["features", "online"])
def test_the_pipeline_runs_with_it_and_resumes(
    path: Path, mode: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the last 5 layers or more: from the middle of the block, so that its dropout is active
    layout, params = workspace.layout, with_own(path, train={"mode": mode, "fine_tune_layers": 5})
    features(layout, params)
    assert Manifest.read(layout.features).weights["source"] == "own"
    train(layout, params)
    undisturbed = contents(layout.model)
    layout.model.rename(layout.model.with_name("undisturbed"))
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(Killed):
            train(layout, params)
    train(layout, params)
    assert contents(layout.model) == undisturbed
    evaluate(layout, EvaluateStageParams.of(params))
    card = (layout.evaluation / "model_card.md").read_text()
    assert "mine.keras with a new head" in card
    assert str(path.parent) not in card
    (prediction,) = predict(layout.model, [layout.images / "00.png"])
    assert prediction.label in ("0", "1")


@pytest.mark.slow
def test_a_changed_file_needs_new_features_before_it_trains(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "mine.keras"
    layout, params = workspace.layout, with_own(file)
    own().save(file)
    features(layout, params)
    before = Manifest.read(layout.features)
    own(slope=0.5).save(file)
    with pytest.raises(UserError, match="the weights that the features were made with"):
        train(layout, params)
    features(layout, params)
    assert Manifest.read(layout.features).weights["fingerprint"] != before.weights["fingerprint"]


@pytest.mark.slow
def test_its_folds_become_one_model(path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    params = with_own(path, cross_validate={"folds": 2}, evaluate={"bootstrap": 50})
    layout = workspace.layout
    monkeypatch.setattr(
        folds, "run_processes", lambda missing, *_: [train_fold(layout, params, fold) for fold in missing]
    )
    features(layout, params)
    fold_features(layout, params)
    folds.train_folds(layout, params, [])
    cross_validate(layout, params)
    model = layout.cross_validation / "model"
    assert len(pd.read_parquet(layout.cross_validation / "evaluation/predictions.parquet")) == 40
    assert json.loads((model / "provenance.json").read_text())["backbone"]["name"] == str(path)
    (prediction,) = predict(model, [layout.images / "00.png"])
    assert 0 <= prediction.positive <= 1
