"""Which rows train, and which validate."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facegender.features.store import Manifest
from facegender.files.float16_rows import RowFile
from facegender.params.sections import TrainParams
from facegender.training.batches import FeatureBatches, Rows
from facegender.training.source import count_views, select_rows


def test_a_holdout_row_neither_trains_nor_validates() -> None:
    table = pd.DataFrame({"label": list("011110"), "fold": [-1, 0, -2, -1, -2, 0]})
    train, validation = select_rows(table, "1", TrainParams(class_weights=True))
    assert train.rows.tolist() == [0, 3]
    assert validation.rows.tolist() == [1, 5]
    assert train.labels.tolist() == [0.0, 1.0]
    assert train.weights.tolist() == [1.0, 1.0]  # the class's share counts training rows alone


def rows_of(labels: list[int]) -> Rows:
    n = len(labels)
    return Rows(np.arange(n) * 10, np.array(labels, np.float32), np.ones(n, np.float32), np.zeros(n, np.int64))


def test_a_balanced_epoch_has_half_of_each_class_and_goes_through_all_rows_in_turn() -> None:
    rows = rows_of([1, 0, 0, 0, 0, 0, 1, 0, 0])  # 2 of 9: an epoch is 4 and 4
    counts: Counter[int] = Counter()
    for epoch in range(7):
        drawn = rows.balance(seed=5, epoch=epoch, views=1)
        assert drawn.labels.sum() == 4
        assert len(drawn.rows) == 8
        assert [float(rows.labels[row // 10]) for row in drawn.rows] == drawn.labels.tolist()
        counts.update(drawn.rows.tolist())
        if epoch == 0:
            assert max(Counter(drawn.rows[drawn.labels == 0].tolist()).values()) == 1
    # 7 epochs of 4 draws: each of the 7 rows of class 0 came 4 times, each of the 2 of class 1 14 times
    assert [counts[row] for row in rows.rows.tolist()] == [14, 4, 4, 4, 4, 4, 14, 4, 4]
    assert rows.count_rounds(epochs=7) == 14


def test_a_balanced_epoch_is_the_same_whenever_it_is_asked_for() -> None:
    rows = rows_of([1, 0, 0, 0, 1, 0])
    again, other = rows.balance(1, 3, 2), rows.balance(1, 4, 2)
    assert rows.balance(1, 3, 2).rows.tolist() == again.rows.tolist()
    assert rows.balance(1, 3, 2).views.tolist() == again.views.tolist()
    assert other.rows.tolist() != again.rows.tolist()


def test_a_row_that_comes_round_again_shows_its_next_view() -> None:
    rows, views = rows_of([1, 0, 0, 0, 0, 0]), 3
    drawn = rows.balance(seed=1, epoch=0, views=views)  # the one row of class 1 three times
    assert sorted(drawn.views[drawn.labels == 1].tolist()) == [0, 1, 2]


def test_online_has_as_many_views_as_the_rarest_rows_have_draws() -> None:
    assert rows_of([1, 0, 0, 0, 0, 0]).count_rounds(epochs=8) == 24  # 8 epochs of 3 draws of one row
    assert rows_of([1, 1, 1, 0, 0, 0]).count_rounds(epochs=8) == 8  # balanced as it is: as without


def test_views_beyond_the_cached_ones_are_those_mirrored(tmp_path: Path) -> None:
    cached = np.random.default_rng(4).random((2, 5, 3, 4, 6)).astype(np.float16)  # views, rows, h, w, c
    for view in range(2):
        np.save(tmp_path / f"{view}.npy", cached[view])
    files = [RowFile(tmp_path / f"{view}.npy") for view in range(2)]
    batches = FeatureBatches(files, rows_of([0] * 5), 4)
    read = batches.inputs(np.array([4, 0, 4, 2]), np.array([3, 1, 1, 2]))
    assert read.dtype == np.float32
    expected = [cached[1, 4, :, ::-1], cached[1, 0], cached[1, 4], cached[0, 2, :, ::-1]]
    assert np.array_equal(read, np.array(expected, np.float32))


@pytest.mark.parametrize(
    ("augment", "shape", "mirror", "views"),
    [
        ({"flip": True, "zoom": 0.1}, [7, 7, 96], True, 6),
        ({"flip": True}, [7, 7, 96], False, 3),
        ({"zoom": 0.1}, [7, 7, 96], True, 3),  # letters on a shirt may matter: who does not mirror pictures
        ({"flip": True}, [1280], True, 3),  # has neither left nor right
    ],
)
def test_features_are_mirrored_where_pictures_are(
    augment: dict[str, bool | float], shape: list[int], mirror: bool, views: int
) -> None:
    manifest = Manifest({}, {}, "cut", 30, shape, 3, augment, 0, "float32")
    assert count_views(manifest, TrainParams(mirror=mirror)) == views
