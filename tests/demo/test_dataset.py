"""The drawn data set: its layout, determinism and planted faults; no cheap cue reveals its classes."""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from facegender.demo import draw
from facegender.demo.dataset import sample_portraits
from facegender.demo.faults import EXIF_ORIENTATION
from facegender.demo.portrait import paint
from facegender.demo.traits import BEST_ACCURACY, hsl_to_rgb
from facegender.errors import UserError
from facegender.pictures.decode import Undecodable, decode, open_picture

SMALL = 60
SEED = 7


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "data"
    draw(folder, images=SMALL, seed=SEED)
    return folder


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def digests(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def faults(folder: Path) -> dict[str, str]:
    return dict(json.loads((folder / "demo.json").read_text())["faults"])


def test_tables_have_the_pipelines_layout(small: Path) -> None:
    train, test = rows(small / "train.csv"), rows(small / "test.csv")
    sample, attributes = (rows(small / "sample_submission.csv"), rows(small / "attributes.csv"))
    assert train[0] == sample[0] == ["image_names", "class"]
    assert test[0] == ["image_names"]
    assert attributes[0] == ["image_names", "background", "drawing_style"]
    assert (len(train) - 1, len(test) - 1) == (48, 12)  # four fifths of 60, and the rest
    assert [row[0] for row in sample] == [row[0] for row in test]
    assert [row[0] for row in attributes[1:]] == [row[0] for row in train[1:] + test[1:]]
    assert {row[1] for row in train[1:]} == {"0", "1"}


def test_every_listed_image_except_the_missing_one_exists_and_no_other(small: Path) -> None:
    listed = {row[0] for row in rows(small / "attributes.csv")[1:]}
    there = {file.name for file in (small / "images").iterdir()}
    assert listed - there == {faults(small)["missing"]}
    assert there <= listed


def test_the_marker_says_what_the_drawings_are_not(small: Path) -> None:
    marker = json.loads((small / "demo.json").read_text())
    assert (marker["drawn_by"], marker["seed"], marker["images"]) == ("facegender demo", SEED, SMALL)
    assert "nothing measured on them says anything about people" in marker["note"]


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(small: Path, tmp_path: Path) -> None:
    draw(tmp_path / "again", images=SMALL, seed=SEED, workers=1)
    assert digests(tmp_path / "again") == digests(small)


def test_another_seed_gives_other_drawings(small: Path, tmp_path: Path) -> None:
    draw(tmp_path / "other", images=SMALL, seed=SEED + 1)
    shared = set(digests(tmp_path / "other" / "images").values()) & set(digests(small / "images").values())
    assert len(shared) == 1  # the unreadable test image, which contains the same text


def test_a_truncated_file_has_a_good_header_and_fails_in_full(small: Path) -> None:
    path = small / "images" / faults(small)["truncated"]
    with Image.open(path) as picture:
        assert picture.format == "JPEG"
    with pytest.raises(Undecodable):
        open_picture(path)


def test_exactly_one_test_image_cannot_be_read(small: Path) -> None:
    unreadable = []
    for (name,) in rows(small / "test.csv")[1:]:
        try:
            open_picture(small / "images" / name)
        except Undecodable:
            unreadable.append(name)
    assert unreadable == [faults(small)["unreadable_test_image"]]


def test_the_rotated_picture_is_the_drawing_once_its_tag_is_applied(small: Path) -> None:
    name = faults(small)["exif_rotated"]
    with Image.open(small / "images" / name) as picture:
        assert picture.getexif()[EXIF_ORIENTATION] == 6
        lying = np.asarray(picture.resize((64, 64)), dtype=float)
    drawn = paint(sample_portraits(SMALL, SEED)[int(name[:5]) - 1], 224, 224)
    wanted = np.asarray(drawn.resize((64, 64)), dtype=float)
    upright = decode(small / "images" / name, 64).astype(float)
    assert np.abs(upright - wanted).mean() < 6  # JPEG's own loss, grey levels on average
    assert np.abs(lying - wanted).mean() > 15  # a portrait on its side differs from the upright one


def test_the_grey_picture_and_the_misnamed_one_are_stored_as_such(small: Path) -> None:
    with Image.open(small / "images" / faults(small)["greyscale"]) as picture:
        assert (picture.format, picture.mode) == ("JPEG", "L")
    with Image.open(small / "images" / faults(small)["png_named_jpg"]) as picture:
        assert picture.format == "PNG"


def test_duplicates_are_equal_and_near_ones_nearly(small: Path) -> None:
    planted = faults(small)
    label = dict(rows(small / "train.csv")[1:])
    first, second = ((small / "images" / name).read_bytes() for name in planted["duplicates"])
    assert first == second
    sharp, recompressed = (small / "images" / name for name in planted["near_duplicates"])
    assert sharp.read_bytes() != recompressed.read_bytes()
    difference = decode(sharp, 64).astype(float) - decode(recompressed, 64).astype(float)
    assert np.abs(difference).mean() < 6  # JPEG at quality 45
    for pair in (planted["duplicates"], planted["near_duplicates"]):
        assert label[pair[0]] == label[pair[1]]


def test_classes_are_balanced_and_the_best_classifier_errs() -> None:
    portraits = sample_portraits(4000, seed=1)
    families = np.array([traits.family for traits in portraits])
    assert families.sum() == 2000
    best = np.mean((np.array([traits.evidence for traits in portraits]) > 0) == families)
    assert abs(BEST_ACCURACY - 0.937) < 0.001  # Phi(1.529), 1.529² = .45² + .85² + .6² + .75² + .7²
    assert best == pytest.approx(BEST_ACCURACY, abs=0.0116)  # 3 standard errors of 4,000 draws


def cheap_cues(pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float64]]:
    """Return features of colour and brightness alone."""
    small = pixels.reshape(len(pixels), 8, 4, 8, 4, 3).mean(axis=(2, 4)) / 255
    return {
        "mean and deviation of each colour": np.concatenate([small.mean((1, 2)), small.std((1, 2))], axis=1),
        "thumbnail of 8 x 8": small.reshape(len(pixels), -1),
    }


def test_no_cheap_cue_reveals_the_class() -> None:
    portraits = sample_portraits(500, seed=3)
    families = np.array([traits.family for traits in portraits])
    pixels = np.stack([np.asarray(paint(traits, 32, 32)) for traits in portraits])
    for name, cue in cheap_cues(pixels).items():
        rule = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        accuracy = cross_val_score(rule, cue, families, cv=5).mean()
        assert accuracy < 0.62, (
            name
        )  # chance is 0.5 with a standard deviation of 0.022 over 500 pictures; the best classifier reaches 0.94


def test_a_folder_with_files_is_unchanged_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    mine = tmp_path / "data" / "mine.txt"
    mine.write_text("not a drawing")
    with pytest.raises(UserError, match="new or empty folder"):
        draw(tmp_path / "data", images=SMALL)
    assert mine.read_text() == "not a drawing"
    draw(tmp_path / "data", images=SMALL, force=True)
    assert not mine.exists()
    assert (tmp_path / "data" / "train.csv").exists()


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    draw(tmp_path / "data", images=SMALL)
    assert (tmp_path / "data" / "demo.json").exists()


@pytest.mark.parametrize(("images", "seed"), [(59, 1), (60, -1)])
def test_impossible_requests_are_refused_before_anything_is_drawn(tmp_path: Path, images: int, seed: int) -> None:
    with pytest.raises(UserError, match=r"demo, (images|seed)"):
        draw(tmp_path / "data", images=images, seed=seed)
    assert not (tmp_path / "data").exists()


def test_colours_from_hue_saturation_and_lightness() -> None:
    assert hsl_to_rgb(0.0, 1.0, 0.5) == (255, 0, 0)
    assert hsl_to_rgb(1 / 3, 1.0, 0.5) == (0, 255, 0)
    assert hsl_to_rgb(0.6, 0.0, 1.0) == (255, 255, 255)
