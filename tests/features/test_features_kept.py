"""Which features are kept, and which are recomputed."""

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import facegender.features.features as module
from facegender.features import work as features_work
from facegender.features.features import features
from facegender.features.store import FeatureStore
from facegender.features.work import Work
from facegender.network.engine import OpenVinoEngine
from facegender.params.augment import POLICIES
from facegender.runtime.code_fingerprint import closure
from tests.features.test_features import count_passes
from tests.small_training import Workspace, params_with


def test_more_views_extend_existing_features(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = count_passes(monkeypatch)
    features(workspace.layout, workspace.params)
    first = np.load(workspace.layout.features / "view_01.npy")
    features(workspace.layout, params_with(features={"precision": "auto", "views": 3}))
    assert passes == [40 + 32, 32]  # the second run computes only view 2 of the training rows
    assert np.array_equal(np.load(workspace.layout.features / "view_01.npy"), first)


def test_learning_rate_epochs_and_head_recompute_nothing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = count_passes(monkeypatch)
    features(workspace.layout, workspace.params)
    features(workspace.layout, params_with(train={"learning_rate": 0.5, "epochs": 9, "dropout": 0.1}))
    assert passes == [72]


def test_another_augmentation_keeps_view_0(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = count_passes(monkeypatch)
    features(workspace.layout, workspace.params)
    features(workspace.layout, params_with(augment={"rotation": 45.0}))
    assert passes == [72, 32]


@pytest.mark.parametrize(("policy", "views"), [("none", 1), ("flip", 2)])
def test_no_view_is_cached_twice(workspace: Workspace, policy: str, views: int) -> None:
    features(workspace.layout, params_with(features={"views": 6}, augment={"policy": policy}))
    with FeatureStore(workspace.layout.features) as store:
        assert len(store.views) == store.manifest.views == views


def test_the_same_ranges_under_another_policy_recompute_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = count_passes(monkeypatch)
    features(workspace.layout, params_with(augment={"policy": "standard"}))
    features(workspace.layout, params_with(augment={"policy": "none", **POLICIES["standard"]}))
    assert passes == [72]


def test_another_cut_recomputes_everything(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = count_passes(monkeypatch)
    features(workspace.layout, workspace.params)
    features(workspace.layout, params_with(train={"fine_tune_layers": 0}))
    assert passes == [72, 72]
    with FeatureStore(workspace.layout.features) as store:
        assert store.manifest.shape == [1280]  # nothing of the backbone trains, so the pooled vector suffices


def test_one_changed_picture_recomputes_its_own_views_only(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facegender.data.split import split
    from facegender.data.validate import validate

    passes = count_passes(monkeypatch)
    layout, params = workspace.layout, workspace.params
    features(layout, params)
    rows = pd.read_parquet(layout.features / "rows.parquet")
    name = rows.loc[rows["augmented"], "image"].iloc[0]
    Image.new("RGB", (64, 64), (9, 9, 9)).save(layout.images / name)
    validate(layout, params)
    pd.read_parquet(layout.splits)
    splits_before = layout.splits.read_bytes()
    split(layout, params)
    layout.splits.write_bytes(splits_before)  # so that the new content hash moves no row to another side
    features(layout, params)
    assert passes == [72, 2]


def test_a_killed_run_resumes_where_it_stopped(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Killed(BaseException):
        """Simulates a kill: no code of ours catches it."""

    monkeypatch.setattr(features_work, "FLUSH_EVERY", 16)
    original = OpenVinoEngine.map
    seen = 0

    def dies(self: OpenVinoEngine, batches: object) -> object:
        nonlocal seen
        for result in original(self, batches):  # type: ignore[arg-type]
            seen += len(result)
            if seen > 40:
                raise Killed
            yield result

    passes = count_passes(monkeypatch)
    monkeypatch.setattr(OpenVinoEngine, "map", dies)
    with pytest.raises(Killed):
        features(workspace.layout, workspace.params)
    assert not workspace.layout.features.exists()
    monkeypatch.setattr(OpenVinoEngine, "map", original)
    with caplog.at_level(logging.INFO):
        features(workspace.layout, workspace.params)
    assert passes == [72, 72 - 32]  # twice 16 views were marked as done before the kill
    assert "resuming a killed run" in caplog.text
    resumed = np.load(workspace.layout.features / "view_01.npy")
    workspace.layout.features.rename(workspace.layout.features.with_name("elsewhere"))
    features(workspace.layout, workspace.params)
    assert np.array_equal(np.load(workspace.layout.features / "view_01.npy"), resumed)
    assert not list((workspace.layout.resume / "features").iterdir())


def test_features_of_other_code_are_recomputed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    passes = count_passes(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(module, "fingerprint_modules", lambda *modules: "another")
        features(workspace.layout, workspace.params)
        patch.setattr(Work, "finish", lambda self: None)  # more views, killed after the last one
        features(workspace.layout, params_with(features={"views": 3}))
    caplog.set_level(logging.INFO)
    features(workspace.layout, params_with(features={"views": 3}))
    assert passes == [72, 32, 104]
    logged = [record.message for record in caplog.records if "the code has changed" in record.message]
    assert logged == [
        "features: starts over, because the code has changed",
        "features: recomputed, because the code has changed",
    ]
    assert {path.name for path in workspace.layout.features.iterdir()} == {
        *("manifest.json", "rows.parquet"),
        *("view_00.npy", "view_01.npy", "view_02.npy"),
    }


def test_features_without_a_code_fingerprint_are_recomputed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = count_passes(monkeypatch)
    features(workspace.layout, workspace.params)
    manifest = workspace.layout.features / "manifest.json"
    values = json.loads(manifest.read_text())
    del values["code"]
    manifest.write_text(json.dumps(values))
    features(workspace.layout, workspace.params)
    assert passes == [72, 72]


DECIDES_NO_ROW = {
    "__init__",
    # which rows there are, and where they lie
    *("errors", "features.__init__", "features.store", "files.__init__", "files.atomic", "files.splits"),
    *("files.image_names", "files.json_files", "files.layout", "files.parquet", "files.resumable", "pictures.__init__"),
    *("runtime.__init__", "runtime.code_fingerprint", "runtime.events", "runtime.prefetch"),
    "runtime.progress",
    # the manifest has the fingerprint of the network and its weights, and the cut
    *("network.__init__", "network.backbone", "network.custom_backbone", "network.demo_weights", "network.keras_file"),
    "network.weights",
    # the manifest has the values
    *("params.__init__", "params.augment", "params.search", "params.section", "params.sections", "params.stage_params"),
    # `device` changes rounding only; `features` only calls the others
    *("network.device", "features.features"),
}


def test_every_module_of_the_stage_decides_what_is_in_a_row_or_does_not(checkout: Path) -> None:
    files = closure(checkout, "facegender.features.features")
    modules = {".".join(path.relative_to("facegender").with_suffix("").parts) for path in files}
    assert modules == {*module.MADE_BY, *DECIDES_NO_ROW}
    assert not DECIDES_NO_ROW.intersection(module.MADE_BY)
