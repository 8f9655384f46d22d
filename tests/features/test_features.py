"""The features cache: what a row contains, and which errors are reported."""

import logging
import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import facegender.features.features as module
from facegender.errors import UserError
from facegender.features.features import features, plan_rows
from facegender.features.store import FeatureStore, join_splits
from facegender.features.work import Work
from facegender.network.backbone import choose_cut, load_backbone
from facegender.network.classifier import build_classifier
from facegender.network.engine import OpenVinoEngine, TensorFlowEngine
from facegender.pictures.augment import make_view
from facegender.pictures.decode import decode
from tests.small_training import TRAINED, Workspace, params_with


def count_passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record the number of views that each run of the stage sends through the network."""
    passes: list[int] = []
    original = Work.compute

    def compute(self: Work, engine: object) -> None:
        passes.append(self.missing)
        original(self, engine)  # type: ignore[arg-type]

    monkeypatch.setattr(Work, "compute", compute)
    return passes


def test_a_row_is_the_frozen_parts_output_for_its_view(workspace: Workspace) -> None:
    params = params_with(backbone=TRAINED)
    features(workspace.layout, params)
    backbone = load_backbone(params.backbone, "demo", params.train.seed)
    frozen = build_classifier(params.backbone, backbone, choose_cut(backbone, 30), params.train, True).frozen
    assert frozen is not None
    with FeatureStore(workspace.layout.features) as store:
        row = store.rows.iloc[3]
        picture = decode(workspace.layout.images / row["image"], 64)
        for view in range(2):
            pixels = make_view(picture, params.augment, params.features.seed, row["sha256"], view)
            expected = np.asarray(frozen(pixels[None].astype(np.float32)))[0]
            size = np.abs(expected).max()
            assert size > 0.1
            assert np.allclose(store.views[view].read(np.array([3]))[0], expected, rtol=0, atol=0.002 * size)


def test_training_rows_run_in_bfloat16_if_the_processor_has_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[str] = []
    original = module.OpenVinoEngine

    def engine(network: object, precision: str) -> OpenVinoEngine:
        made.append(precision)
        return original(network, precision)

    monkeypatch.setattr(module, "OpenVinoEngine", engine)
    monkeypatch.setattr(module, "has_bfloat16", lambda: True)
    with caplog.at_level(logging.INFO):
        features(workspace.layout, params_with(backbone=TRAINED, features={"precision": "auto"}))
    assert made == ["float32", "bfloat16"]
    assert "features: 8 views for validation with openvino float32\n" in caplog.text
    assert "features: 64 views for training with openvino bfloat16\n" in caplog.text
    with FeatureStore(workspace.layout.features) as store:
        assert (store.manifest.precision, store.manifest.augmented_precision) == ("float32", "bfloat16")
        mixed = [view[:].astype(np.float32) for view in store.views]

    # on a machine without bfloat16, existing features keep their precision and are extended in it
    monkeypatch.setattr(module, "has_bfloat16", lambda: False)
    passes = count_passes(monkeypatch)
    features(workspace.layout, params_with(backbone=TRAINED, features={"precision": "auto", "views": 3}))
    assert passes == [32]
    assert made == ["float32", "bfloat16", "bfloat16"]

    features(workspace.layout, params_with(backbone=TRAINED, features={"precision": "float32"}))
    assert passes == [32, 64]  # the validation rows were exact before
    with FeatureStore(workspace.layout.features) as store:
        exact = [view[:].astype(np.float32) for view in store.views]
    assert np.array_equal(mixed[0][32:], exact[0][32:])
    for rough, fine in ((mixed[0][:32], exact[0][:32]), (mixed[1], exact[1])):
        off = np.linalg.norm(rough - fine) / np.linalg.norm(fine)
        assert 1e-4 < off < 0.1


def test_a_row_that_changes_sides_is_recomputed_in_the_precision_of_its_new_side(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "has_bfloat16", lambda: True)
    params = params_with(backbone=TRAINED, features={"precision": "auto"})
    features(workspace.layout, params)
    splits = pd.read_parquet(workspace.layout.splits)
    trained, judged = (splits.index[splits["fold"] == fold][0] for fold in (-1, 0))
    splits.loc[trained, "fold"], splits.loc[judged, "fold"] = 0, -1
    splits.to_parquet(workspace.layout.splits, index=False)
    passes = count_passes(monkeypatch)
    features(workspace.layout, params)
    assert passes == [1 + 2]  # one row in float32, the other in both views for training
    with FeatureStore(workspace.layout.features) as store:
        joined = [view[:] for view in store.views]
    shutil.rmtree(workspace.layout.features)
    features(workspace.layout, params)
    with FeatureStore(workspace.layout.features) as store:
        assert all(np.array_equal(view[:], before) for view, before in zip(store.views, joined, strict=True))


def test_rows_that_only_validate_have_no_augmented_view(workspace: Workspace) -> None:
    features(workspace.layout, workspace.params)
    with FeatureStore(workspace.layout.features) as store:
        splits = pd.read_parquet(workspace.layout.splits)
        assert int(store.rows["augmented"].sum()) == int((splits["fold"] != 0).sum()) == 32
        assert len(np.load(store.views[0].path)) == 40
        assert len(np.load(store.views[1].path)) == 32


def test_rows_that_train_come_first() -> None:
    splits = pd.DataFrame({"image": ["b", "a", "c"], "fold": [-1, 0, -2]})
    index = pd.DataFrame({"image": ["a", "b", "c"], "role": "train", "sha256": ["1", "2", "3"]})
    rows = plan_rows(index, splits)
    assert rows["image"].tolist() == ["b", "a", "c"]
    assert rows["augmented"].tolist() == [True, False, False]


def test_splits_are_joined_in_the_stores_order_and_other_rows_are_refused(workspace: Workspace) -> None:
    features(workspace.layout, workspace.params)
    splits = pd.read_parquet(workspace.layout.splits).sample(frac=1, random_state=0)
    with FeatureStore(workspace.layout.features) as store:
        table = join_splits(store, workspace.layout.features, splits)
        assert table["image"].tolist() == store.rows["image"].tolist()
        assert table.set_index("image")["label"].to_dict() == splits.set_index("image")["label"].to_dict()
        for others in (splits.iloc[1:], splits.assign(image=splits["image"] + "x")):
            with pytest.raises(UserError, match="must have the rows of splits"):
                join_splits(store, workspace.layout.features, others)


def test_a_full_disk_is_reported_before_the_work_starts(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 1000))
    with pytest.raises(UserError, match=r"the features need 0.00 GB of disk space.*lower features.views"):
        features(workspace.layout, workspace.params)


def test_features_mode_needs_a_frozen_part(workspace: Workspace) -> None:
    with pytest.raises(UserError, match=r"Set train\.mode to online"):
        features(workspace.layout, params_with(train={"fine_tune_layers": 154}))


def test_a_picture_that_changed_since_validate_is_reported(workspace: Workspace) -> None:
    (workspace.layout.images / "03.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"images/03.png: the picture must be as it was when `validate` read it.*empty"):
        features(workspace.layout, workspace.params)


def test_online_mode_caches_nothing(workspace: Workspace) -> None:
    features(workspace.layout, params_with(train={"mode": "online"}))
    assert sorted(path.name for path in workspace.layout.features.iterdir()) == ["manifest.json", "rows.parquet"]


def test_openvino_equals_tensorflow(tmp_path: object) -> None:

    from facegender.network.engine import to_openvino

    params = params_with()
    backbone = load_backbone(params.backbone, "none", 3)
    whole = build_classifier(params.backbone, backbone, choose_cut(backbone, 30), params.train, True).whole
    images = np.random.default_rng(0).integers(0, 256, (13, 64, 64, 3)).astype(np.uint8)
    batches = [images[:1], images[1:8], images[8:]]  # one result per batch, however many requests run at once
    reference = np.concatenate(list(TensorFlowEngine(whole).map(batches)))
    assert isinstance(tmp_path, Path)
    engine = OpenVinoEngine(to_openvino(whole, tmp_path))
    results = list(engine.map(batches))
    assert [len(result) for result in results] == [1, 7, 5]
    assert np.allclose(np.concatenate(results), reference, rtol=1e-5, atol=1e-6)
    assert not list(tmp_path.iterdir())
    assert isinstance(whole, keras.Model)
