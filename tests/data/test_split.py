"""Which rows validate, are held out, or form a fold; and what cannot be split."""

from pathlib import Path

import pandas as pd
import pytest

from facegender.data.split import assign_folds, split
from facegender.errors import UserError
from facegender.files.layout import Layout
from facegender.files.splits import HOLDOUT
from facegender.params.sections import SplitParams
from facegender.params.stage_params import SplitStageParams
from tests.statistics.test_stratify import faces


def write_index(path: Path, labels: list[str], groups: list[int] | None = None) -> Path:
    n = len(labels)
    frame = pd.DataFrame(
        {
            "image": [f"{row:04d}.jpg" for row in range(n)],
            "role": "train",
            "label": labels,
            "status": "ok",
            "group": groups or list(range(n)),
        }
    )
    others = pd.DataFrame(
        {
            "image": ["bad.jpg", "test.jpg"],
            "role": ["train", "test"],
            "label": ["0", None],
            "status": ["quarantined", "ok"],
            "group": [n, n + 1],
        }
    )
    pd.concat([frame, others]).to_parquet(path, index=False)
    return path


def run_split(index: Path, params: SplitParams, out: Path) -> None:
    """Run the stage in the folder of `index`, then rename its table to `out`."""
    layout = Layout(artifacts=index.parent)
    split(layout, SplitStageParams(split=params))
    layout.splits.rename(out)


def test_the_stage_writes_only_usable_training_rows(tmp_path: Path) -> None:
    index = write_index(tmp_path / "index.parquet", ["0", "1"] * 10)
    run_split(index, SplitParams(validation=0.2), tmp_path / "splits.parquet")
    written = pd.read_parquet(tmp_path / "splits.parquet")
    assert written.dtypes.astype(str).to_dict() == {"image": "str", "label": "str", "group": "int64", "fold": "int8"}
    assert len(written) == 20
    assert written.groupby(["fold", "label"]).size().to_dict() == {(-1, "0"): 8, (-1, "1"): 8, (0, "0"): 2, (0, "1"): 2}


def test_a_holdout_takes_its_share_of_every_class(tmp_path: Path) -> None:
    index = write_index(tmp_path / "index.parquet", ["0", "1"] * 10)
    run_split(index, SplitParams(validation=0.2, holdout=0.3), tmp_path / "splits.parquet")
    written = pd.read_parquet(tmp_path / "splits.parquet")
    assert written.groupby(["fold", "label"]).size().unstack().to_dict("index") == {
        -2: {"0": 3, "1": 3},
        -1: {"0": 5, "1": 5},
        0: {"0": 2, "1": 2},
    }


def test_a_holdout_keeps_groups_together_and_leaves_equal_folds(tmp_path: Path) -> None:
    labels, groups = (array.tolist() for array in faces(1_000))
    index = write_index(tmp_path / "index.parquet", list(map(str, labels)), groups)
    run_split(index, SplitParams(holdout=0.2), tmp_path / "splits.parquet")
    written = pd.read_parquet(tmp_path / "splits.parquet")
    assert written.groupby("group")["fold"].nunique().max() == 1
    assert (written["fold"] == HOLDOUT).sum() in range(199, 202)
    folds = assign_folds(written, 4, seed=1)
    assert ((folds == HOLDOUT) == (written["fold"] == HOLDOUT)).all()
    written["fold"] = folds
    assert written.groupby("group")["fold"].nunique().max() == 1
    assert written["fold"].value_counts().between(199, 201).all()


def test_folds_are_stratified_and_independent_of_row_order_and_split(tmp_path: Path) -> None:
    index = write_index(tmp_path / "index.parquet", ["f", "m"] * 10)
    run_split(index, SplitParams(), tmp_path / "splits.parquet")
    written = pd.read_parquet(tmp_path / "splits.parquet")
    folds = assign_folds(written, 5, seed=1)
    assert pd.crosstab(folds, written["label"]).to_numpy().tolist() == [[2, 2]] * 5
    shuffled = written.sample(frac=1, random_state=0).assign(fold=-1)
    again = pd.Series(assign_folds(shuffled, 5, seed=1), index=shuffled.index)
    assert again.sort_index().tolist() == folds.tolist()


def test_more_folds_than_rows_of_a_class_are_refused(tmp_path: Path) -> None:
    rows = pd.DataFrame({"image": range(33), "label": ["0"] * 30 + ["1"] * 3, "group": range(33), "fold": -1})
    with pytest.raises(UserError, match=r"in 4 folds\. Received: 3 usable rows with label '1'"):
        assign_folds(rows, 4, seed=1)


def test_row_order_and_group_numbers_do_not_matter(tmp_path: Path) -> None:
    labels, groups = (array.tolist() for array in faces(300))
    index = write_index(tmp_path / "index.parquet", list(map(str, labels)), groups)
    run_split(index, SplitParams(), tmp_path / "one.parquet")
    shuffled = pd.read_parquet(index).sample(frac=1, random_state=0)
    shuffled.assign(group=5_000 - 3 * shuffled["group"]).to_parquet(index, index=False)
    run_split(index, SplitParams(), tmp_path / "other.parquet")
    one, other = (pd.read_parquet(tmp_path / f"{name}.parquet").set_index("image") for name in ("one", "other"))
    assert one["fold"].equals(other["fold"].loc[one.index])


def test_same_bytes_each_time(tmp_path: Path) -> None:
    index = write_index(tmp_path / "index.parquet", ["0", "1"] * 50)
    for name in ("one", "other"):
        run_split(index, SplitParams(), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize(
    ("labels", "groups", "params", "message"),
    [
        (["0"] * 30 + ["1"], None, SplitParams(), "both sides of a 20% validation split. Received: 1 usable rows"),
        (["0"] * 9 + ["1"] * 9, [0] * 9 + [*range(1, 10)], SplitParams(), "9 usable rows with label '0' in 18"),
        (["0"] * 9 + ["1"], None, SplitParams(holdout=0.2), "and in a holdout of 20%. Received: 1 usable rows"),
        (["0"] * 9, None, SplitParams(), "two classes. Received: only '0'"),
        ([], None, SplitParams(), "two classes. Received: no usable rows"),
    ],
)  # fmt: skip
def test_a_class_that_cannot_be_on_both_sides_is_refused(
    tmp_path: Path, labels: list[str], groups: list[int] | None, params: SplitParams, message: str
) -> None:
    index = write_index(tmp_path / "index.parquet", labels, groups)
    with pytest.raises(UserError) as error:
        run_split(index, params, tmp_path / "splits.parquet")
    assert message in str(error.value)
    assert not (tmp_path / "splits.parquet").exists()
