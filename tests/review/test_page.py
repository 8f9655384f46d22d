"""The data and the text of the review page."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from facegender.cli.app import app
from facegender.errors import UserError
from tests.review.pages import ODD, cache_features, read_content, write_page
from tests.small_data import Data


def test_the_page_holds_the_most_suspect_rows_with_their_neighbours(data: Data) -> None:
    page = write_page(data, count=5)
    found = read_content(page)
    assert {row["image"] for row in found["rows"][:2]} == {"a3.png", "b5.png"}
    assert len(found["rows"]) == 5
    first = next(row for row in found["rows"] if row["image"] == "a3.png")
    assert first["label"] == "0"
    assert first["probability"] < 0.5
    assert len(first["neighbours"]) == 6
    # a3 looks like class 1, so its neighbours have label 1; only a3 itself may be a neighbour with label 0
    assert all(label == "1" or name == "a3.png" for name, label in first["neighbours"])
    pictures = read_content(page, "pictures")
    named = {name for row in found["rows"] for name, _ in row["neighbours"]}
    assert set(pictures["large"]) == {row["image"] for row in found["rows"]}
    assert set(pictures["small"]) == named - set(pictures["large"])  # each picture is embedded once


def test_the_page_needs_no_other_file(data: Data) -> None:
    text = write_page(data).read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)
    assert "http" not in text
    assert "as perceived by annotators" in text


def test_file_names_are_escaped_in_the_script(data: Data) -> None:
    page = write_page(data)
    assert ODD in {row["image"] for row in read_content(page)["rows"]}
    assert "<&>" not in page.read_text(encoding="utf-8")


def test_the_same_inputs_give_the_same_page(data: Data) -> None:
    first = write_page(data).read_bytes()
    assert write_page(data).read_bytes() == first


def test_decided_pictures_are_not_shown_again_and_their_decisions_are_kept(data: Data) -> None:
    key = read_content(write_page(data))["key"]
    assert read_content(write_page(data, count=3))["key"] == key  # so the browser finds its decisions
    decided = [["a3.png", "0", "flip"], ["a1.png", "0", "keep"]]
    lines = ["image,label,decision", *(",".join(row) for row in decided), ""]
    data.layout.label_overrides.write_text("\n".join(lines))
    found = read_content(write_page(data))
    assert found["decided"] == decided
    assert {"a3.png", "a1.png"}.isdisjoint(row["image"] for row in found["rows"])
    assert len(found["rows"]) == 19
    assert found["key"] != key  # saved decisions leave the browser's storage


def test_if_every_row_is_decided_that_is_an_error(data: Data) -> None:
    names = pd.read_parquet(data.layout.splits)[["image", "label"]]
    names.assign(decision="keep").to_csv(data.layout.label_overrides, index=False)
    with pytest.raises(UserError, match=r"some rows must still be undecided\. Received: 21 decided"):
        write_page(data)


def test_invalid_overrides_are_an_error_before_a_page_is_written(data: Data) -> None:
    data.layout.label_overrides.write_text("image,label,decision\na3.png,0,turn\n")
    with pytest.raises(UserError, match=r"decision must be one of keep, flip, drop\. Received: 'turn'"):
        write_page(data)


@pytest.mark.parametrize(
    ("missing", "stage"),
    [("validation", "validate"), ("splits", "split"), ("features", "features")],
)
def test_a_missing_output_names_its_stage(data: Data, missing: str, stage: str) -> None:
    path: Path = getattr(data.layout, missing)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(UserError, match=f"the stage {stage} writes it"):
        write_page(data)


def test_online_mode_is_an_error(data: Data) -> None:
    cache_features(data.layout, set(), views=0)
    with pytest.raises(UserError, match="features must be cached to find suspect labels"):
        write_page(data)


def test_a_missing_picture_is_an_error(data: Data) -> None:
    (data.layout.images / "a3.png").unlink()
    with pytest.raises(UserError, match=r"images/a3\.png: an image must not change after `validate` has read it"):
        write_page(data)
    assert not data.layout.review.exists()


def test_the_command_reports_the_number_of_rows(data: Data, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    (tmp_path / "params.yaml").write_text("{}")
    folders = ["--data", str(data.layout.data), "--artifacts", str(data.layout.artifacts)]
    options = ["--params", str(tmp_path / "params.yaml"), *folders, "--rows", "4"]
    done = CliRunner().invoke(app, ["review", *options], catch_exceptions=False)
    assert done.exit_code == 0
    assert "review.html: 4 rows, " in done.output
    assert len(read_content(data.layout.review)["rows"]) == 4
