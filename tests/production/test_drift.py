"""Drift of new pictures against the reference, and the embedding distance it uses."""

import numpy as np
import pandas as pd
import pytest

from facegender.params.sections import ScoreParams
from facegender.production.drift import find_drift
from facegender.production.drift_plot import plot_drift
from facegender.scoring.embedding import knn_distances
from facegender.scoring.reference import MAX_REFERENCE, NEIGHBOURS, choose_reference_rows, write_reference_embeddings

QUANTITIES = ["brightness", "shorter side, pixels", "embedding distance", "probability of the positive class"]


def table(n: int, brightness: float = 0.5, abstaining: int = 0, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "probability": rng.uniform(size=n),
            "abstain": np.arange(n) < abstaining,
            "distance": rng.uniform(0.3, 0.6, n),
            "brightness": rng.normal(brightness, 0.05, n),
            "shorter_side": rng.choice([200, 220, 240], n),
        }
    )


def drifted(now: pd.DataFrame, unreadable: int = 0, **limits: float) -> list[str]:
    found = find_drift(table(500, seed=0), now, unreadable, ScoreParams(**limits))
    return [row.quantity for row in found if row.drifted]


def test_pictures_from_the_same_distribution_do_not_drift():
    assert drifted(table(200)) == []


def test_brighter_pictures_drift_in_brightness_only():
    assert drifted(table(200, brightness=0.7)) == ["brightness"]


def test_drift_needs_a_significant_test_and_a_value_above_the_limit():
    assert drifted(table(3, brightness=0.55)) == []
    assert drifted(table(200, brightness=0.55)) == ["brightness"]
    assert drifted(table(200, brightness=0.55), max_distance=0.9) == []


def test_more_abstentions_and_unreadable_files_drift_and_fewer_do_not():
    assert drifted(table(200, abstaining=60)) == ["abstentions"]
    assert drifted(table(200), unreadable=40) == ["unreadable files"]
    reference = table(500, abstaining=400, seed=0)
    assert not any(row.drifted for row in find_drift(reference, table(200), 0, ScoreParams()))


def test_if_no_file_is_readable_only_unreadable_files_are_reported():
    found = find_drift(table(500), table(0), 30, ScoreParams())
    assert [(row.quantity, row.now, row.drifted) for row in found] == [("unreadable files", 1.0, True)]


def test_the_kolmogorov_smirnov_statistic_by_hand():
    reference, now = table(4), table(4)
    reference["brightness"], now["brightness"] = [0.1, 0.2, 0.3, 0.4], [0.3, 0.4, 0.5, 0.6]
    found = find_drift(reference, now, 0, ScoreParams())[0]
    # half of the reference is below 0.3, and none of the new pictures
    assert found.value == pytest.approx(0.5)
    assert (found.n_reference, found.n_now) == (4, 4)
    assert found.as_dict()["reference"] == 0.25


def test_the_plot_shows_every_quantity_and_is_reproducible():
    svg = plot_drift(table(50), table(30, brightness=0.9))
    for name in [*QUANTITIES, "n = 50", "n = 30"]:
        assert name in svg
    assert svg == plot_drift(table(50), table(30, brightness=0.9))
    assert "n = 0" in plot_drift(table(50), table(0))


def test_knn_distances_by_hand():
    # directions of 0, 90 and 180 degrees: the distance is 2 sin(angle / 2)
    reference = np.array([[1, 0], [0, 2], [-1, 0]], np.float16)
    ours = np.array([[3, 0]], np.float16)
    assert knn_distances(ours, reference, 1) == pytest.approx([0.0])
    assert knn_distances(ours, reference, 2) == pytest.approx([np.sqrt(2)])
    assert knn_distances(ours, reference, 9) == pytest.approx(
        [2.0]
    )  # k is larger than the reference: the farthest of three
    # a picture is not its own neighbour
    own = np.arange(3)
    assert knn_distances(reference, reference, 1, own) == pytest.approx([np.sqrt(2)] * 3)
    assert knn_distances(reference, reference, 3, own) == pytest.approx([2.0, np.sqrt(2), 2.0])
    assert knn_distances(reference, reference[:2], 1, np.array([0, 1, -1])) == pytest.approx([np.sqrt(2)] * 3)
    assert np.isnan(knn_distances(ours, reference[:0], 1)).all()
    assert np.isnan(knn_distances(reference[:1], reference[:1], 1, own[:1])).all()


def test_the_reference_is_a_sample_of_evenly_spaced_rows():
    assert choose_reference_rows(5).tolist() == [0, 1, 2, 3, 4]
    many = choose_reference_rows(3 * MAX_REFERENCE)
    assert many.tolist() == list(range(0, 3 * MAX_REFERENCE, 3))


def test_distances_of_embeddings_in_a_file_equal_those_in_memory(tmp_path):
    rows = MAX_REFERENCE + 600  # more than the reference keeps, and more than one block
    vectors = np.random.default_rng(2).normal(size=(rows, 8)).astype(np.float16)
    np.save(tmp_path / "every.npy", vectors)
    far = write_reference_embeddings(tmp_path / "every.npy", tmp_path / "kept.npy")
    kept = choose_reference_rows(rows)
    assert np.array_equal(np.load(tmp_path / "kept.npy"), vectors[kept])
    own = np.full(rows, -1)
    own[kept] = np.arange(MAX_REFERENCE)
    assert far == pytest.approx(knn_distances(vectors, vectors[kept], NEIGHBOURS, own), abs=1e-5)
    nearest = np.sort(np.linalg.norm(unit(vectors[kept]) - unit(vectors[1]), axis=1))
    assert kept[1] == 1  # row 1 is in the reference, so its nearest neighbour is itself
    assert far[1] == pytest.approx(nearest[NEIGHBOURS], abs=1e-3)


def unit(vectors):
    wide = vectors.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=-1, keepdims=True)
