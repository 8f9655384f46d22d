"""Cross-validation: which rows train, what folds share, and what the ensemble computes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import facegender.features.features as features_module
from facegender.cross_validation.cross_validate import cross_validate, read_weights
from facegender.cross_validation.fold_features import fold_features
from facegender.cross_validation.joined_store import JoinedStore
from facegender.cross_validation.plan import plan_folds
from facegender.cross_validation.train_fold import train_fold
from facegender.cross_validation.train_folds import train_folds
from facegender.decision.decision import find_decision
from facegender.errors import UserError
from facegender.evaluation.gradcam import heat_maps
from facegender.evaluation.predictions import read_evaluated, read_labels
from facegender.features.features import features
from facegender.features.store import FeatureStore, Manifest
from facegender.features.work import Work
from facegender.files.layout import Layout
from facegender.files.splits import HOLDOUT
from facegender.network.keras_file import load_model
from facegender.params.sections import Params
from facegender.pictures.decode import decode
from facegender.scoring.predict import predict
from facegender.scoring.score import score
from facegender.scoring.submit import submit
from facegender.training.train import build_from_manifest
from tests.cross_validation.small_folds import FOLDS, fold_params, in_process, tiny
from tests.small_training import TRAINED, Workspace


def test_every_row_has_every_view_and_no_view_is_computed_twice(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, params = workspace.layout, tiny()
    passes: list[int] = []
    original = Work.compute

    def compute(self: Work, engine: object) -> None:
        passes.append(self.missing)
        original(self, engine)  # type: ignore[arg-type]

    monkeypatch.setattr(Work, "compute", compute)
    features(layout, params)
    before = (layout.features / "view_01.npy").read_bytes()
    fold_features(layout, params)
    assert passes == [40 + 32, 8]  # 40 pictures, 32 of which train in the split; then view 1 of the other 8
    assert (layout.features / "view_01.npy").read_bytes() == before
    with (
        JoinedStore(layout) as store,
        FeatureStore(layout.features) as main,
        FeatureStore(layout.fold_features) as rest,
    ):
        order = np.array([39, 0, 35, 3])
        joined = store.views[1].read(order)
        assert np.array_equal(joined[[1, 3]], main.views[1].read(order[[1, 3]]))
        names = rest.rows["image"].tolist()
        for place in (0, 2):
            row = names.index(store.rows["image"][order[place]])
            assert np.array_equal(joined[place], rest.views[1].read(np.array([row]))[0])
        assert np.array_equal(store.views[0].read(order), main.views[0].read(order))


def test_every_row_validates_in_float32_whatever_its_training_precision(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, params = workspace.layout, tiny(backbone=TRAINED, features={"precision": "auto"})
    monkeypatch.setattr(features_module, "has_bfloat16", lambda: True)
    features(layout, params)
    fold_features(layout, params)
    with JoinedStore(layout) as store:
        names, every = store.rows["image"].tolist(), np.arange(40)
        judged, trained = (
            store.validation_view.read(every),
            [view.read(every).astype(np.float32) for view in store.views],
        )
    shutil.rmtree(layout.features)
    features(layout, tiny(backbone=TRAINED, features={"precision": "float32"}))
    with FeatureStore(layout.features) as store:
        assert store.rows["image"].tolist() == names
        exact = store.views[0].read(every)
    assert np.array_equal(judged, exact)
    off = [np.abs(view - exact).mean(axis=(1, 2, 3)) / np.abs(exact).mean(axis=(1, 2, 3)) for view in trained]
    assert (off[0] > 0).all()  # computed in bfloat16
    assert (off[0] < 0.1).all()  # but the same picture
    assert (off[1] > off[0]).all()  # another view of the picture


def test_folds_are_balanced_keep_groups_whole_and_leave_out_the_holdout(workspace: Workspace) -> None:
    layout, params = workspace.layout, tiny()
    splits = pd.read_parquet(layout.splits)
    splits.loc[[4, 5], "fold"] = HOLDOUT
    splits.loc[[6, 7, 8], "group"] = 900
    splits.to_parquet(layout.splits, index=False)
    features(layout, params)
    fold_features(layout, params)
    with JoinedStore(layout) as store:
        plan = plan_folds(layout, fold_params(params), store)
        assert len(store.rest.rows) == int((splits["fold"] == 0).sum())
    table = plan.table.set_index("image")
    held_out = splits.loc[[4, 5], "image"]
    assert (table.loc[held_out, "fold"] == HOLDOUT).all()
    assert table.loc[splits.loc[[6, 7, 8], "image"], "fold"].nunique() == 1
    counts = pd.crosstab(table["fold"], table["label"]).drop(HOLDOUT)
    assert counts.sum().sum() == 38
    assert (counts.max() - counts.min() <= 2).all()  # a group of three stays in one fold
    rows = plan.assign_roles(1).set_index("image")["fold"]
    assert (rows[held_out] == HOLDOUT).all()
    assert ((rows == 0) == (table["fold"] == 1)).all()


def test_other_features_and_missing_folds_are_refused(workspace: Workspace) -> None:
    layout, params = workspace.layout, tiny()
    with pytest.raises(UserError, match="must be 0 to 1"):
        train_fold(layout, params, 2)
    features(layout, params)
    with pytest.raises(UserError, match=r"must be made with the same parameters.*Run `facegender features`"):
        fold_features(layout, tiny(augment={"rotation": 45.0}))
    fold_features(layout, params)
    features(layout, tiny(augment={"rotation": 45.0}))
    with pytest.raises(UserError, match="must be made from the same features"):
        JoinedStore(layout)


@pytest.mark.parametrize("mode", ["features", "online", "all", "pooled"])
def test_the_ensemble_is_the_mean_of_its_folds_and_a_model_like_any_other(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    layout = workspace.layout
    whole = {"mode": "online", "fine_tune_layers": "all"}
    choice = {"features": {}, "online": {"mode": "online"}, "all": whole, "pooled": {"fine_tune_layers": 0}}[mode]
    params = tiny(train={"epochs": 1, **choice})
    requested = in_process(monkeypatch, layout, params)
    features(layout, params)
    fold_features(layout, params)
    train_folds(layout, params, [])
    assert requested == [0, 1]
    weights = [read_weights(layout.folds / f"fold_{fold}/weights.npz") for fold in range(FOLDS)]
    cross_validate(layout, params)
    predictions = pd.read_parquet(layout.cross_validation / "evaluation/predictions.parquet")
    assert len(predictions) == 40
    assert sorted(predictions["fold"].unique()) == [0, 1]
    check_scores(layout, params, weights, predictions)
    images = [layout.images / name for name in predictions["image"][:2]]
    check_use_as_a_model(layout, params, images)
    check_heat_maps(layout, params, weights, images)
    check_figures(layout, predictions)


def check_scores(layout: Layout, params: Params, weights: list[list[np.ndarray]], predictions: pd.DataFrame) -> None:
    """Each row's probability is from the fold that has not seen it, and the ensemble is the mean of all folds."""
    folder = layout.cross_validation / "model"
    images = [layout.images / name for name in predictions["image"]]
    combined = score(folder, images).probabilities
    ensemble = load_model(folder / "model.keras")
    by_fold = member_scores(layout, params, weights, images)
    for fold in range(FOLDS):
        here = (predictions["fold"] == fold).to_numpy()
        assert np.allclose(predictions["raw_probability"][here], by_fold[fold][here], atol=3e-3)
    assert np.allclose(combined, np.mean(by_fold, axis=0), atol=0.01)
    tuned = sum(layer.count_params() for layer in ensemble.layers if layer.name.startswith("fold_"))
    assert tuned % FOLDS == 0
    one = sum(array.size for array in weights[0])
    assert ensemble.count_params() == one + tuned - tuned // FOLDS  # the frozen part counts once


def check_use_as_a_model(layout: Layout, params: Params, images: list[Path]) -> None:
    """The ensemble decides, predicts and submits like any other model."""
    target = layout.cross_validation
    folder = target / "model"
    assert find_decision(folder) is not None
    assert {row.label for row in predict(folder, images, find_decision(folder))} <= {"0", "1"}
    assert read_evaluated(folder).classes == ("0", "1")
    assert read_labels(json.loads((target / "evaluation" / "metrics.json").read_text())) == ("0", "1")
    submit(replace(layout, other_model=folder), params)
    assert len(pd.read_csv(target / "submission.csv")) == 8


def check_heat_maps(layout: Layout, params: Params, weights: list[list[np.ndarray]], images: list[Path]) -> None:
    """Both engines give the same heat maps; a map's mean is the mean of the members' logits without the bias."""
    folder = layout.cross_validation / "model"
    engine = json.loads((folder / "engine.json").read_text())
    maps = []
    for name in ("openvino", "tensorflow"):
        (folder / "engine.json").write_text(json.dumps({**engine, "engine": name}))
        maps.append(heat_maps(folder, images))
    assert maps[0].shape == (2, 2, 2)
    assert np.allclose(*maps, atol=1e-3)
    whole = build_from_manifest(Manifest.read(layout.features), params.train, cached=False).whole
    pixels = decode(images[0], 64)[None].astype(np.float32)
    logits = []
    for arrays in weights:
        whole.set_weights(arrays)
        unit = whole.get_layer("logit")
        logits.append(float(unit(keras.Model(whole.input, unit.input)(pixels))[0, 0] - unit.bias[0]))
    assert float(maps[0][0].mean()) == pytest.approx(np.mean(logits), abs=1e-3)


def check_figures(layout: Layout, predictions: pd.DataFrame) -> None:
    """metrics.json has the accuracy over all rows, the accuracy of each fold, and the spread between folds."""
    figures = json.loads((layout.cross_validation / "evaluation/metrics.json").read_text())
    correct = predictions["label"] == predictions["predicted"]
    assert figures["accuracy"]["value"] == pytest.approx(correct.mean(), abs=1e-6)
    for fold in range(FOLDS):
        assert figures["folds"][str(fold)]["accuracy"]["value"] == pytest.approx(
            correct[predictions["fold"] == fold].mean(), abs=1e-6
        )
    values = [figure["accuracy"]["value"] for figure in figures["folds"].values()]
    assert figures["between_folds"]["accuracy"]["standard_deviation"] == pytest.approx(np.std(values, ddof=1), abs=1e-6)


def member_scores(
    layout: Layout, params: Params, weights: list[list[np.ndarray]], images: list[Path]
) -> list[np.ndarray]:
    """Score the pictures, not the features, with each fold's whole network, rebuilt from its weights."""
    pixels = np.stack([decode(image, 64) for image in images]).astype(np.float32)
    whole = build_from_manifest(Manifest.read(layout.features), params.train, cached=False).whole
    scores = []
    for arrays in weights:
        whole.set_weights(arrays)
        scores.append(whole.predict(pixels, verbose=0)[:, 0])
    keras.backend.clear_session()
    return scores
