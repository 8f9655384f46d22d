"""Which rows train, which validate, and which views they have."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facegender.features.store import Manifest
from facegender.files.float16_rows import Float16Rows
from facegender.params.sections import TrainParams
from facegender.training.batches import FeatureBatches, Rows
from facegender.training.source import count_views, select_rows


def test_a_holdout_row_neither_trains_nor_validates() -> None:
    table = pd.DataFrame({"label": list("011110"), "fold": [-1, 0, -2, -1, -2, 0]})
    train, validation = select_rows(table, "1", TrainParams(class_weights=True))
    assert train.rows.tolist() == [0, 3]
    assert validation.rows.tolist() == [1, 5]
    assert train.labels.tolist() == [0.0, 1.0]
    assert train.weights.tolist() == [1.0, 1.0]  # only training rows count in the class's share


def rows_of(labels: list[int]) -> Rows:
    n = len(labels)
    return Rows(np.arange(n) * 10, np.array(labels, np.float32), np.ones(n, np.float32), np.zeros(n, np.int64))


def test_a_balanced_epoch_has_half_of_each_class_and_repeats_no_row_early() -> None:
    rows = rows_of([1, 0, 0, 0, 0, 0, 1, 0, 0])  # 2 of 9 rows: an epoch has 4 rows of each class
    counts: Counter[int] = Counter()
    for epoch in range(7):
        drawn = rows.balance(seed=5, epoch=epoch, views=1)
        assert drawn.labels.sum() == 4
        assert len(drawn.rows) == 8
        assert [float(rows.labels[row // 10]) for row in drawn.rows] == drawn.labels.tolist()
        counts.update(drawn.rows.tolist())
        if epoch == 0:
            assert max(Counter(drawn.rows[drawn.labels == 0].tolist()).values()) == 1
    # in 7 epochs of 4 draws, each of the 7 rows of class 0 comes 4 times, each of the 2 of class 1 14 times
    assert [counts[row] for row in rows.rows.tolist()] == [14, 4, 4, 4, 4, 4, 14, 4, 4]
    assert rows.count_rounds(epochs=7) == 14


def test_a_balanced_epoch_can_be_drawn_again() -> None:
    rows = rows_of([1, 0, 0, 0, 1, 0])
    again, other = rows.balance(1, 3, 2), rows.balance(1, 4, 2)
    assert rows.balance(1, 3, 2).rows.tolist() == again.rows.tolist()
    assert rows.balance(1, 3, 2).views.tolist() == again.views.tolist()
    assert other.rows.tolist() != again.rows.tolist()


def test_a_repeated_row_has_its_next_view() -> None:
    rows, views = rows_of([1, 0, 0, 0, 0, 0]), 3
    drawn = rows.balance(seed=1, epoch=0, views=views)  # the single row of class 1 comes three times
    assert sorted(drawn.views[drawn.labels == 1].tolist()) == [0, 1, 2]


def test_rounds_count_the_draws_of_the_most_frequent_row() -> None:
    assert rows_of([1, 0, 0, 0, 0, 0]).count_rounds(epochs=8) == 24  # 8 epochs of 3 draws of one row
    assert rows_of([1, 1, 1, 0, 0, 0]).count_rounds(epochs=8) == 8  # balanced classes: as without balancing


def test_views_beyond_the_cached_ones_are_mirrored(tmp_path: Path) -> None:
    cached = np.random.default_rng(4).random((2, 5, 3, 4, 6)).astype(np.float16)  # views, rows, h, w, c
    for view in range(2):
        np.save(tmp_path / f"{view}.npy", cached[view])
    files = [Float16Rows(tmp_path / f"{view}.npy") for view in range(2)]
    batches = FeatureBatches(files, rows_of([0] * 5), 4)
    read = batches.read_inputs(np.array([4, 0, 4, 2]), np.array([3, 1, 1, 2]))
    assert read.dtype == np.float32
    expected = [cached[1, 4, :, ::-1], cached[1, 0], cached[1, 4], cached[0, 2, :, ::-1]]
    assert np.array_equal(read, np.array(expected, np.float32))


@pytest.mark.parametrize(
    ("augment", "shape", "mirror", "views"),
    [
        ({"flip": True, "zoom": 0.1}, [7, 7, 96], True, 6),
        ({"flip": True}, [7, 7, 96], False, 3),
        (
            {"zoom": 0.1},
            [7, 7, 96],
            True,
            3,
        ),  # without flips in `augment` (letters on a shirt may matter) nothing is mirrored
        ({"flip": True}, [1280], True, 3),  # a pooled vector has no left and right
    ],
)
def test_features_are_mirrored_if_pictures_are(
    augment: dict[str, bool | float], shape: list[int], mirror: bool, views: int
) -> None:
    manifest = Manifest({}, {}, "cut", 30, shape, 3, augment, 0, "float32")
    assert count_views(manifest, TrainParams(mirror=mirror)) == views
