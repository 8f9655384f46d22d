"""What stands on the review page."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from facegender.cli.app import app
from facegender.errors import UserError
from tests.review.pages import ODD, cache, content, page_of
from tests.small_data import Data


def test_the_page_holds_the_most_suspect_rows_with_their_neighbours(data: Data) -> None:
    page = page_of(data, count=5)
    found = content(page)
    assert {row["image"] for row in found["rows"][:2]} == {"a3.png", "b5.png"}
    assert len(found["rows"]) == 5
    first = next(row for row in found["rows"] if row["image"] == "a3.png")
    assert first["label"] == "0"
    assert first["probability"] < 0.5
    assert len(first["neighbours"]) == 6
    # a3 looks like class 1, whose only other members with another label are wrong themselves
    assert all(label == "1" or name == "a3.png" for name, label in first["neighbours"])
    pictures = content(page, "pictures")
    named = {name for row in found["rows"] for name, _ in row["neighbours"]}
    assert set(pictures["large"]) == {row["image"] for row in found["rows"]}
    assert set(pictures["small"]) == named - set(pictures["large"])  # each picture once


def test_the_page_needs_no_other_file(data: Data) -> None:
    text = page_of(data).read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)
    assert "http" not in text
    assert "as perceived by annotators" in text


def test_names_cannot_end_the_script(data: Data) -> None:
    page = page_of(data)
    assert ODD in {row["image"] for row in content(page)["rows"]}
    assert "<&>" not in page.read_text(encoding="utf-8")


def test_the_same_inputs_give_the_same_page(data: Data) -> None:
    first = page_of(data).read_bytes()
    assert page_of(data).read_bytes() == first


def test_what_is_decided_is_not_asked_again_but_carried_along(data: Data) -> None:
    key = content(page_of(data))["key"]
    assert content(page_of(data, count=3))["key"] == key  # the browser finds its decisions again
    decided = [["a3.png", "0", "flip"], ["a1.png", "0", "keep"]]
    lines = ["image,label,decision", *(",".join(row) for row in decided), ""]
    data.layout.label_overrides.write_text("\n".join(lines))
    found = content(page_of(data))
    assert found["decided"] == decided
    assert {"a3.png", "a1.png"}.isdisjoint(row["image"] for row in found["rows"])
    assert len(found["rows"]) == 19
    assert found["key"] != key  # what was saved is done with


def test_everything_is_decided(data: Data) -> None:
    names = pd.read_parquet(data.layout.splits)[["image", "label"]]
    names.assign(decision="keep").to_csv(data.layout.label_overrides, index=False)
    with pytest.raises(UserError, match=r"some rows must be left to decide about\. Received: 21 decided"):
        page_of(data)


def test_bad_overrides_are_told_before_a_page_is_made(data: Data) -> None:
    data.layout.label_overrides.write_text("image,label,decision\na3.png,0,turn\n")
    with pytest.raises(UserError, match=r"decision must be one of keep, flip, drop\. Received: 'turn'"):
        page_of(data)


@pytest.mark.parametrize(
    ("missing", "stage"),
    [("validation", "validate"), ("splits", "split"), ("features", "features")],
)
def test_a_stage_before_has_not_run(data: Data, missing: str, stage: str) -> None:
    path: Path = getattr(data.layout, missing)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(UserError, match=f"the stage {stage} writes it"):
        page_of(data)


def test_online_mode_has_no_features(data: Data) -> None:
    cache(data.layout, set(), views=0)
    with pytest.raises(UserError, match="features must be cached to find suspect labels"):
        page_of(data)


def test_a_picture_that_has_gone(data: Data) -> None:
    (data.layout.images / "a3.png").unlink()
    with pytest.raises(UserError, match=r"images/a3\.png: an image must be as it was when `validate` read it"):
        page_of(data)
    assert not data.layout.review.exists()


def test_the_command(data: Data, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    (tmp_path / "params.yaml").write_text("{}")
    folders = ["--data", str(data.layout.data), "--artifacts", str(data.layout.artifacts)]
    options = ["--params", str(tmp_path / "params.yaml"), *folders, "--rows", "4"]
    done = CliRunner().invoke(app, ["review", *options], catch_exceptions=False)
    assert done.exit_code == 0
    assert "review.html: 4 rows, " in done.output
    assert len(content(data.layout.review)["rows"]) == 4
