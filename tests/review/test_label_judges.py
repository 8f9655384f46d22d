"""Out-of-fold predictions come before a regression, where they are of the rows and labels of today."""

from pathlib import Path

import pandas as pd
import pytest

from facegender.errors import UserError
from facegender.files.layout import Layout
from facegender.params.sections import EvaluateParams
from facegender.review.label_judges import NETWORKS, REGRESSION, by_networks, doubts
from tests.review.pages import cache, content, page_of
from tests.small_data import Data


def predict(layout: Layout, doubted: str) -> pd.DataFrame:
    """Out-of-fold predictions that are sure of every label (0.9) but one (0.05)."""
    splits = pd.read_parquet(layout.splits)
    splits = splits[splits["fold"] != -2]
    believed = splits["image"].eq(doubted).map({True: 0.05, False: 0.9})
    positive = splits["label"] == "1"
    probability = believed.where(positive, 1 - believed)
    table = splits[["image", "label"]].assign(probability=probability)
    write(layout, table)
    return table


def write(layout: Layout, table: pd.DataFrame) -> None:
    folder = layout.cross_validation / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    table.to_parquet(folder / "predictions.parquet", index=False)


def test_the_networks_rank_the_rows(data: Data) -> None:
    predict(data.layout, doubted="a7.png")
    splits = pd.read_parquet(data.layout.splits)
    found, judge = doubts(data.layout, splits, "1", EvaluateParams())
    assert judge == NETWORKS
    assert len(found) == len(splits)
    first = found.iloc[0]
    assert (first["image"], first["label"], first["probability"]) == ("a7.png", "0", pytest.approx(0.05))
    assert found["probability"].iloc[1:].tolist() == pytest.approx([0.9] * (len(splits) - 1))


def test_the_page_says_who_doubts(data: Data) -> None:
    before = page_of(data)
    assert REGRESSION in before.read_text(encoding="utf-8")
    assert content(before)["rows"][0]["image"] in {"a3.png", "b5.png"}
    predict(data.layout, doubted="a7.png")
    page = page_of(data)
    assert NETWORKS in page.read_text(encoding="utf-8")
    assert content(page)["rows"][0]["image"] == "a7.png"


@pytest.mark.parametrize("change", ["a row less", "a row more", "another label"])
def test_predictions_of_other_rows_or_labels_are_left_out(data: Data, change: str) -> None:
    table = predict(data.layout, doubted="a7.png")
    if change == "a row less":
        table = table[1:]
    elif change == "a row more":
        table = pd.concat([table, table[:1].assign(image="another.png")])
    else:
        table.loc[table.index[0], "label"] = "1" if table["label"].iloc[0] == "0" else "0"
    write(data.layout, table)
    splits = pd.read_parquet(data.layout.splits)
    assert by_networks(data.layout, splits, "1") is None
    assert doubts(data.layout, splits, "1", EvaluateParams())[1] == REGRESSION


def test_also_behind_networks_the_page_needs_features_of_its_rows(data: Data) -> None:
    predict(data.layout, doubted="a7.png")
    rows = pd.read_parquet(data.layout.features / "rows.parquet")
    rows[1:].to_parquet(data.layout.features / "rows.parquet")
    with pytest.raises(UserError, match=r"must have the rows of splits\.parquet"):
        page_of(data)
    cache(data.layout, set(), views=0)
    with pytest.raises(UserError, match=r"features must be cached to find like pictures\. Received: online mode"):
        page_of(data)


def test_a_holdout_is_judged_by_nobody(data: Data, tmp_path: Path) -> None:
    splits = pd.read_parquet(data.layout.splits)
    splits.loc[splits["image"] == "a0.png", "fold"] = -2
    splits.to_parquet(data.layout.splits)
    predict(data.layout, doubted="a7.png")
    found = by_networks(data.layout, splits, "1")
    assert found is not None
    assert "a0.png" not in set(found["image"])
