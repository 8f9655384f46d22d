"""Score new pictures with a champion: each content once, and compared with the champion's validation rows."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from facegender.errors import UserError
from facegender.evaluation.evaluate import evaluate
from facegender.files.layout import Layout
from facegender.params.sections import Params, ScoreParams
from facegender.production.score_new import score_new
from facegender.scoring.reference import read_reference

DAY = "2026-11-24"


@pytest.fixture(scope="module")
def champion(model: Path, case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A champion folder: the model that scores red minus blue, evaluated on the 100 pictures of the case."""
    root = tmp_path_factory.mktemp("promoted")
    files = Layout(case.layout.data, root / "artifacts")
    files.artifacts.mkdir()
    case.index.to_parquet(files.index)
    case.inputs.splits.to_parquet(files.splits)
    files.validation.write_text(json.dumps(case.inputs.facts))
    shutil.copytree(model, files.model)
    evaluate(files, case.params)
    folder = root / "champion"
    folder.mkdir()
    for part in (files.model, files.evaluation):
        part.rename(folder / part.name)
    (folder / "champion.json").write_text('{"version": "v1.4.0"}')
    return folder


@pytest.fixture
def layout(champion: Path, tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "data", tmp_path / "artifacts")
    shutil.copytree(champion, layout.champion)
    return layout


def draw(folder: Path, name: str, colour: tuple[int, int, int], side: int = 48) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), colour).save(path)


def params(folder: Path) -> Params:
    return Params(score=ScoreParams(folder=str(folder)))


def test_the_reference_holds_the_rows_of_the_evaluation(champion, case):
    table, embeddings = read_reference(champion / "evaluation")
    assert len(table) == len(embeddings) == 100
    assert list(table.columns) == [
        "image",
        "sha256",
        "probability",
        "abstain",
        "distance",
        "brightness",
        "shorter_side",
    ]
    assert (table["shorter_side"] == 40).all()
    # the embedding of this model is the mean colour / 255: red pictures are (200, 90, 60), or 50 darker
    red = table["image"].isin(case.predictions.query("label == '1'")["image"]).to_numpy()
    assert embeddings[red][:, 0].max() == pytest.approx(200 / 255, abs=0.002)


def test_new_content_is_scored_once(layout, tmp_path):
    incoming = tmp_path / "incoming"
    draw(incoming, "red.png", (200, 90, 60))
    draw(incoming, "below/blue.png", (60, 90, 200))
    shutil.copy(incoming / "red.png", incoming / "twin.png")
    draw(incoming, "small.png", (0, 0, 0), side=8)
    (incoming / "torn.jpg").write_bytes(b"no picture")
    (incoming / "list.txt").write_text("not a picture's suffix")

    first = score_new(layout, params(incoming), DAY, again=False)
    assert first == layout.scores / DAY
    table = pd.read_parquet(first / "predictions.parquet").set_index("image")
    assert table["status"].to_dict() == {
        "below/blue.png": "scored",
        "red.png": "scored",
        "small.png": "quarantined",
        "torn.jpg": "quarantined",
        "twin.png": "scored",
    }
    assert (table.loc["red.png", "label"], table.loc["below/blue.png", "label"]) == ("1", "0")
    assert table.loc["twin.png", "probability"] == table.loc["red.png", "probability"]
    assert "min_side" in table.loc["small.png", "reason"]
    assert "not a picture" in table.loc["torn.jpg", "reason"]
    assert set(table["champion"]) == {"v1.4.0"}
    assert table["abstain"].dtype == bool
    facts = json.loads((first / "drift.json").read_text())
    assert (facts["scored"], facts["quarantined"], facts["files"], facts["champion"]) == (3, 2, 5, "v1.4.0")
    assert "<svg" in (first / "drift.svg").read_text()

    before = (first / "predictions.parquet").read_bytes()
    assert score_new(layout, params(incoming), DAY, again=False) is None
    (incoming / "red.png").rename(incoming / "renamed.png")  # the same content
    assert score_new(layout, params(incoming), DAY, again=False) is None
    draw(incoming, "green.png", (90, 200, 90))
    second = score_new(layout, params(incoming), DAY, again=False)
    assert second == layout.scores / f"{DAY}-2"
    assert pd.read_parquet(second / "predictions.parquet")["image"].tolist() == ["green.png"]
    third = score_new(layout, params(incoming), DAY, again=True)
    assert third == layout.scores / f"{DAY}-3"
    assert len(pd.read_parquet(third / "predictions.parquet")) == 6
    assert (first / "predictions.parquet").read_bytes() == before


def test_the_champions_own_pictures_do_not_drift_and_brighter_ones_do(layout, case, tmp_path):
    same, brighter = tmp_path / "same", tmp_path / "brighter"
    for number, name in enumerate(case.predictions["image"][:60]):
        with Image.open(case.layout.images / name) as picture:
            for folder, gain in ((same, 1.0), (brighter, 1.25)):
                folder.mkdir(exist_ok=True)
                changed = picture.point(lambda value, gain=gain: int(value * gain))
                text = PngInfo()  # makes each content unique: the case has only four colours
                text.add_text("number", str(number))
                changed.save(folder / f"{number}.png", pnginfo=text)
    found = score_new(layout, params(same), DAY, again=False)
    assert json.loads((found / "drift.json").read_text())["drifted"] == []
    found = score_new(layout, params(brighter), DAY, again=False)
    assert "brightness" in json.loads((found / "drift.json").read_text())["drifted"]


def test_if_no_file_is_readable_that_is_the_drift(layout, tmp_path):
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    for number in range(20):
        (incoming / f"{number}.jpg").write_bytes(b"torn %d" % number)
    found = score_new(layout, params(incoming), DAY, again=False)
    assert json.loads((found / "drift.json").read_text())["drifted"] == ["unreadable files"]
    assert set(pd.read_parquet(found / "predictions.parquet")["status"]) == {"quarantined"}


def test_without_a_folder_test_csv_is_scored_and_missing_files_when_they_appear(layout, tmp_path):
    layout.images.mkdir(parents=True)
    draw(layout.images, "a.png", (200, 90, 60))
    layout.test_csv.write_text("image_names\na.png\nlate.png\n")
    layout.validation.write_text('{"image_column": "image_names"}')
    found = score_new(layout, params(tmp_path / "nowhere"), DAY, again=False)
    table = pd.read_parquet(found / "predictions.parquet").set_index("image")
    assert table["status"].to_dict() == {"a.png": "scored", "late.png": "quarantined"}
    assert "missing" in table.loc["late.png", "reason"]
    assert score_new(layout, params(tmp_path / "nowhere"), DAY, again=False) is None
    draw(layout.images, "late.png", (60, 90, 200))
    found = score_new(layout, params(tmp_path / "nowhere"), DAY, again=False)
    assert pd.read_parquet(found / "predictions.parquet")["image"].tolist() == ["late.png"]
    layout.test_csv.write_text("image_names\n../../secret.png\n")
    with pytest.raises(UserError, match="must stay below data/images"):
        score_new(layout, params(tmp_path / "nowhere"), DAY, again=False)


def test_a_missing_champion_or_source_is_a_clear_error(layout, tmp_path):
    with pytest.raises(UserError, match=r"a folder of pictures to score, or a test\.csv"):
        score_new(layout, params(tmp_path / "nowhere"), DAY, again=False)
    shutil.rmtree(layout.champion)
    with pytest.raises(UserError, match="a model must have been promoted"):
        score_new(layout, params(tmp_path), DAY, again=False)
