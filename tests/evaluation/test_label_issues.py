"""Labels that look wrong to a model that was not trained on them."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facegender.errors import UserError
from facegender.evaluation import label_issues
from facegender.evaluation.label_issues import find_suspects, judge_labels, predict_out_of_fold, write_suspects
from facegender.evaluation.pooled_features import Pooled
from facegender.features.store import FeatureStore, Manifest, view_file
from facegender.files.float16_rows import Float16Rows
from facegender.files.layout import Layout
from facegender.params.sections import Params

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def store(folder: Path, values: Floats, views: int = 1) -> list[str]:
    """Write a features folder with these rows, (n, h, w, c); give the images' names."""
    folder.mkdir(parents=True)
    names = [f"{row:03d}.jpg" for row in range(len(values))]
    Manifest({}, {}, "cut", 30, list(values.shape[1:]), views, {}, 1, "float32").write(folder)
    pd.DataFrame({"image": names}).to_parquet(folder / "rows.parquet")
    for view in range(views):
        file = Float16Rows.create(view_file(folder, view), len(values), values.shape[1:])
        for row, value in enumerate(values):
            file.write(row, value)
        file.close()
    return names


def splits(names: list[str], positive: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pd.DataFrame:
    return pd.DataFrame(
        {"image": names, "label": np.where(positive, "1", "0"), "group": np.arange(len(names)), "fold": -1}
    )


def separable(n: int = 80) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Features of which every number tells the class, and the classes, which alternate."""
    rng = np.random.default_rng(0)
    positive = np.arange(n) % 2 == 1
    values = rng.normal(np.where(positive, 1.0, -1.0)[:, None, None, None], 0.5, (n, 2, 2, 40))
    return values, positive


def test_quality_is_the_probability_of_the_label_given() -> None:
    positive = np.array([True, True, True, False, False, False])
    probabilities = np.array([0.9, 0.8, 0.1, 0.2, 0.1, 0.95])
    quality, flagged = judge_labels(positive, probabilities)
    assert quality == pytest.approx([0.9, 0.8, 0.1, 0.8, 0.9, 0.05])
    # each class's mean self-confidence is about 0.6; the third and the last are confidently of the other class
    assert flagged.tolist() == [False, False, True, False, False, True]


@pytest.mark.parametrize("last", [True, False])
def test_with_one_class_or_a_single_row_of_it_no_label_is_flagged(last: bool) -> None:
    quality, flagged = judge_labels(np.array([True, True, last]), np.array([0.1, 0.9, 0.6]))
    assert quality == pytest.approx([0.1, 0.9, 0.6 if last else 0.4])
    assert not flagged.any()


def test_planted_flips_come_first(tmp_path: Path) -> None:
    values, positive = separable()
    names = store(tmp_path / "features", values)
    labels = positive.copy()
    labels[[3, 40]] = ~labels[[3, 40]]
    found = find_suspects(tmp_path / "features", splits(names, labels), "1", folds=5, seed=1)
    assert found is not None
    assert sorted(found["image"][:2]) == ["003.jpg", "040.jpg"]
    assert found["flagged"].tolist() == [True] * 2 + [False] * 78
    assert found["probability"].is_monotonic_increasing
    assert found.set_index("image")["label"]["003.jpg"] == "0"  # the given label, not the right one
    assert found.equals(find_suspects(tmp_path / "features", splits(names, labels), "1", folds=5, seed=1))


def test_suspects_are_written_ranked(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"image": ["b.jpg", "a.jpg", "c.jpg"], "label": list("010"), "probability": [0.1, 0.2, 0.9]}
    ).assign(flagged=[True, True, False])
    write_suspects(tmp_path / "suspects.csv", table)
    assert (tmp_path / "suspects.csv").read_text() == "image,label,probability\nb.jpg,0,0.1\na.jpg,1,0.2\n"


def test_the_order_of_the_splits_does_not_matter(tmp_path: Path) -> None:
    values, positive = separable(40)
    table = splits(store(tmp_path / "features", values), positive)
    positive_rows = find_suspects(tmp_path / "features", table, "1", 5, 1)
    assert positive_rows is not None
    assert positive_rows["probability"].min() > 0.5  # each row was read from its own position
    shuffled = find_suspects(tmp_path / "features", table.sample(frac=1, random_state=3), "1", 5, 1)
    assert shuffled is not None
    assert shuffled["probability"].min() > 0.5


def test_a_row_is_judged_without_itself_and_its_copies(tmp_path: Path) -> None:
    # 100 pictures of random numbers, each twice, with random labels: only a copy's label can be learned
    rng = np.random.default_rng(4)
    values = np.repeat(rng.normal(size=(100, 1, 1, 600)), 2, axis=0)
    labels = np.repeat(rng.random(100) < 0.5, 2)
    store(tmp_path / "features", values)
    rows = np.arange(200)
    with FeatureStore(tmp_path / "features") as opened:
        pooled = Pooled(opened)
        apart = predict_out_of_fold(pooled, rows, labels, rows // 2, 5, 1)
        leaked = predict_out_of_fold(pooled, rows, labels, rows, 5, 1)
    assert ((apart > 0.5) == labels).mean() == pytest.approx(0.5, abs=0.11)  # 3 standard errors of 200 draws
    assert ((leaked > 0.5) == labels).mean() > 0.8  # with a copy on each side, the regression knows the label


def test_large_data_sets_are_learned_from_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learned: list[int] = []

    class Counting(label_issues._Regression):
        def __init__(self, values: Floats, positive: Floats) -> None:
            learned.append(len(values))
            super().__init__(values, positive)

    monkeypatch.setattr(label_issues, "_Regression", Counting)
    monkeypatch.setattr(label_issues, "MOST_LEARNED", 30)
    values, positive = separable()
    table = splits(store(tmp_path / "features", values), positive)
    found = find_suspects(tmp_path / "features", table, "1", 5, 1)
    assert found is not None
    assert learned == [30] * 5
    assert found["probability"].min() > 0.5


def test_folds_with_only_one_class_are_certain_of_it(tmp_path: Path) -> None:
    values, _ = separable(6)
    positive = np.array([True, False, False, False, False, False])
    table = splits(store(tmp_path / "features", values), positive)
    found = find_suspects(tmp_path / "features", table, "1", 3, 1)
    assert found is not None
    # the only positive row is judged by folds without a positive row
    assert found.set_index("image")["probability"]["000.jpg"] == 0.0


def test_copies_of_a_single_picture_teach_nothing(tmp_path: Path) -> None:
    values, positive = separable(6)
    table = splits(store(tmp_path / "features", values), positive).assign(group=0)
    found = find_suspects(tmp_path / "features", table, "1", 3, 1)
    assert found is not None
    assert found["probability"].tolist() == [0.5] * 6


def test_online_mode_has_no_features_to_judge_labels_by(tmp_path: Path) -> None:
    values, positive = separable(4)
    table = splits(store(tmp_path / "features", values, views=0), positive)
    assert find_suspects(tmp_path / "features", table, "1", 2, 1) is None


@pytest.mark.parametrize("change", ["more", "fewer", "others"])
def test_features_of_other_rows_are_refused(tmp_path: Path, change: str) -> None:
    values, positive = separable(6)
    table = splits(store(tmp_path / "features", values), positive)
    other = table.assign(image=["new.jpg", *table["image"][1:]])
    wrong = {"more": pd.concat([table, other[:1]]), "fewer": table[:5], "others": other}[change]
    with pytest.raises(UserError, match="the features must be those of the rows in"):
        find_suspects(tmp_path / "features", wrong, "1", 2, 1)


@pytest.mark.slow
@pytest.mark.faces
def test_planted_flips_among_real_faces(tmp_path: Path) -> None:
    """With 5% of 6,000 labels flipped, at least half of those are in the 10% most suspect. Two minutes on 2 cores."""
    from facegender.data.split import split
    from facegender.data.validate import validate
    from facegender.features.features import features

    root = Path(__file__).resolve().parents[2]
    faces = Path(os.environ.get("FACEGENDER_FACES", root / "../shared/faces"))
    weights = os.environ.get("FACEGENDER_WEIGHTS", root / "../shared/weights/mobilenet_v2_1.0_224_no_top.weights.h5")
    if not faces.is_dir() or not Path(weights).is_file():
        pytest.skip(f"no faces at {faces} or no weights at {weights}; set FACEGENDER_FACES and FACEGENDER_WEIGHTS")
    layout = Layout(faces, tmp_path)
    params = Params.model_validate({"backbone": {"weights": str(weights)}, "features": {"views": 1}})
    validate(layout, params)
    split(layout, params)
    features(layout, params)
    table = pd.read_parquet(layout.splits)
    flipped = np.random.default_rng(2026).choice(len(table), len(table) // 20, replace=False)
    table.loc[flipped, "label"] = table.loc[flipped, "label"].map({"0": "1", "1": "0"})
    found = find_suspects(layout.features, table, "1", 5, 2026)
    assert found is not None
    suspect = set(found["image"][: len(table) // 10])
    recall = np.mean([name in suspect for name in table["image"][flipped]])
    assert recall >= 0.5  # measured: 0.65
