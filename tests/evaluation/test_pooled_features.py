"""Pooled features, and the pictures most similar by them."""

from pathlib import Path

import numpy as np
import pytest

from facegender.evaluation.pooled_features import Pooled, nearest, pool
from facegender.features.store import FeatureStore

from .test_label_issues import store


def test_mirror_images_pool_alike_and_height_is_kept() -> None:
    values = np.arange(6.0).reshape(1, 2, 3, 1)  # rows 0 1 2 and 3 4 5
    assert pool(values).tolist() == [[1.0, 1.0, 4.0, 4.0]]  # (0 + 2) / 2, the middle, (3 + 5) / 2, the middle
    assert pool(values[:, :, ::-1]).tolist() == pool(values).tolist()
    assert pool(values[:, ::-1]).tolist() == [[4.0, 4.0, 1.0, 1.0]]


def test_large_features_are_shrunk_to_7_places_a_side() -> None:
    values = np.arange(14.0)[None, :, None, None] * np.ones((1, 14, 14, 3))
    pooled = pool(values)
    assert pooled.shape == (1, 7 * 4 * 3)
    assert pooled.reshape(7, 4, 3)[:, 0, 0].tolist() == [0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5]  # means of two


def test_an_uneven_side_is_shrunk_by_means_over_every_place() -> None:
    pooled = pool(np.arange(9.0)[None, :, None, None] * np.ones((1, 9, 1, 1)))
    # edges 0 1 2 3 5 6 7 9: single positions except 3-4 and 7-8
    assert pooled.tolist() == [[0.0, 1.0, 2.0, 3.5, 5.0, 6.0, 7.5]]


def test_vectors_that_are_already_pooled_stay_as_they_are() -> None:
    assert pool(np.array([[1.0, 2.0]], np.float16)).tolist() == [[1.0, 2.0]]


def test_standard_rows_have_mean_0_and_deviation_1(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(5.0, 3.0, (50, 1, 1, 4))
    values[..., 3] = 2.0  # a constant channel
    store(tmp_path / "features", values)
    with FeatureStore(tmp_path / "features") as opened:
        standard = Pooled(opened).standard(np.arange(50))
    assert standard.mean(axis=0) == pytest.approx(0.0, abs=1e-5)
    assert standard.std(axis=0) == pytest.approx([1.0, 1.0, 1.0, 0.0], abs=1e-5)


def test_the_nearest_are_those_in_the_same_direction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    angles = np.radians([0, 10, 25, 90, 180, 200, 300])
    values = np.stack([np.cos(angles), np.sin(angles)], axis=1).reshape(-1, 1, 1, 2)
    store(tmp_path / "features", values)
    # neighbours come from several chunks
    monkeypatch.setattr("facegender.evaluation.pooled_features.VECTORS_AT_ONCE", 3)
    with FeatureStore(tmp_path / "features") as opened:
        pooled = Pooled(opened)
        pooled.mean, pooled.scale = np.zeros(2, np.float32), np.ones(2, np.float32)
        found = nearest(pooled, np.array([0, 4]), 3)
        assert found.tolist() == [[1, 2, 6], [5, 3, 6]]  # from 0: 10, 25, 60 degrees; from 180: 20, 90, 120
        assert nearest(pooled, np.array([0]), 99).shape == (1, 6)  # all but the row itself
