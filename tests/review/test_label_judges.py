"""Out-of-fold predictions rank the labels if their rows and labels are current; otherwise a regression does."""

from pathlib import Path

import pandas as pd
import pytest

from facegender.errors import UserError
from facegender.files.layout import Layout
from facegender.params.sections import EvaluateParams
from facegender.review.label_judges import NETWORKS, REGRESSION, rank_by_networks, rank_suspects
from tests.review.pages import cache_features, read_content, write_page
from tests.small_data import Data


def write_predictions(layout: Layout, suspect: str) -> pd.DataFrame:
    """Write out-of-fold predictions that agree with every label (0.9) except one (0.05)."""
    splits = pd.read_parquet(layout.splits)
    splits = splits[splits["fold"] != -2]
    label_probability = splits["image"].eq(suspect).map({True: 0.05, False: 0.9})
    positive = splits["label"] == "1"
    probability = label_probability.where(positive, 1 - label_probability)
    table = splits[["image", "label"]].assign(probability=probability)
    write_table(layout, table)
    return table


def write_table(layout: Layout, table: pd.DataFrame) -> None:
    folder = layout.cross_validation / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    table.to_parquet(folder / "predictions.parquet", index=False)


def test_the_networks_rank_the_rows(data: Data) -> None:
    write_predictions(data.layout, suspect="a7.png")
    splits = pd.read_parquet(data.layout.splits)
    found, judge = rank_suspects(data.layout, splits, "1", EvaluateParams())
    assert judge == NETWORKS
    assert len(found) == len(splits)
    first = found.iloc[0]
    assert (first["image"], first["label"], first["probability"]) == ("a7.png", "0", pytest.approx(0.05))
    assert found["probability"].iloc[1:].tolist() == pytest.approx([0.9] * (len(splits) - 1))


def test_the_page_says_which_model_judged_the_labels(data: Data) -> None:
    before = write_page(data)
    assert REGRESSION in before.read_text(encoding="utf-8")
    assert read_content(before)["rows"][0]["image"] in {"a3.png", "b5.png"}
    write_predictions(data.layout, suspect="a7.png")
    page = write_page(data)
    assert NETWORKS in page.read_text(encoding="utf-8")
    assert read_content(page)["rows"][0]["image"] == "a7.png"


@pytest.mark.parametrize("change", ["a row less", "a row more", "another label"])
def test_predictions_of_other_rows_or_labels_are_ignored(data: Data, change: str) -> None:
    table = write_predictions(data.layout, suspect="a7.png")
    if change == "a row less":
        table = table[1:]
    elif change == "a row more":
        table = pd.concat([table, table[:1].assign(image="another.png")])
    else:
        table.loc[table.index[0], "label"] = "1" if table["label"].iloc[0] == "0" else "0"
    write_table(data.layout, table)
    splits = pd.read_parquet(data.layout.splits)
    assert rank_by_networks(data.layout, splits, "1") is None
    assert rank_suspects(data.layout, splits, "1", EvaluateParams())[1] == REGRESSION


def test_with_networks_the_page_still_needs_the_features_of_its_rows(data: Data) -> None:
    write_predictions(data.layout, suspect="a7.png")
    rows = pd.read_parquet(data.layout.features / "rows.parquet")
    rows[1:].to_parquet(data.layout.features / "rows.parquet")
    with pytest.raises(UserError, match=r"must have the rows of splits\.parquet"):
        write_page(data)
    cache_features(data.layout, set(), views=0)
    with pytest.raises(UserError, match=r"features must be cached to find similar pictures\. Received: online mode"):
        write_page(data)


def test_the_holdout_is_not_judged(data: Data, tmp_path: Path) -> None:
    splits = pd.read_parquet(data.layout.splits)
    splits.loc[splits["image"] == "a0.png", "fold"] = -2
    splits.to_parquet(data.layout.splits)
    write_predictions(data.layout, suspect="a7.png")
    found = rank_by_networks(data.layout, splits, "1")
    assert found is not None
    assert "a0.png" not in set(found["image"])
