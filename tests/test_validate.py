"""The stage on small data sets with one fault each, and on real faces."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facegender.errors import UserError
from facegender.layout import Layout
from facegender.params import DataParams, ValidateParams
from facegender.validate import validate

LENIENT = ValidateParams(max_quarantined=1.0)


class Data:
    """A data folder that a test spoils: noise pictures a0..a9 with label 0, b0..b9 with label 1, t0..t3 in test.csv."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder / "data", folder / "artifacts")
        self.layout.images.mkdir(parents=True)
        self.train = [f"{kind}{number}.png,{label}" for label, kind in enumerate("ab") for number in range(10)]
        self.test = [f"t{number}.png" for number in range(4)]
        self.sample = [f"{name},0" for name in self.test]
        for seed, row in enumerate(self.train + self.test):
            self.draw(row.split(",")[0], seed)

    def draw(self, name: str, seed: int, side: int = 40) -> Path:
        pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(self.layout.images / name)
        return self.layout.images / name

    def run(self, params: ValidateParams = LENIENT, columns: DataParams | None = None) -> tuple[pd.DataFrame, Any]:
        layout = self.layout
        for path, header, rows in (
            (layout.train_csv, "image_names,class", self.train),
            (layout.test_csv, "image_names", self.test),
            (layout.sample_submission, "image_names,class", self.sample),
        ):
            path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        validate(layout, columns or DataParams(), params, layout.index, layout.validation)
        index = pd.read_parquet(layout.index)
        return index, json.loads(layout.validation.read_text(encoding="utf-8"))

    def error(self, params: ValidateParams = LENIENT, columns: DataParams | None = None) -> str:
        before = self.outputs()
        with pytest.raises(UserError) as caught:
            self.run(params, columns)
        assert self.outputs() == before
        return str(caught.value)

    def outputs(self) -> list[bytes | None]:
        files = (self.layout.index, self.layout.validation)
        return [file.read_bytes() if file.exists() else None for file in files]


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return Data(tmp_path)


def reason(index: pd.DataFrame, name: str) -> Any:
    row = index.set_index("image").loc[name]
    assert (row["status"] == "ok") == pd.isna(row["reason"])
    return None if pd.isna(row["reason"]) else row["reason"]


def test_sound_data(data: Data) -> None:
    index, report = data.run(ValidateParams(max_quarantined=0.0))
    assert index.dtypes.astype(str).to_dict() == {
        "image": "str",
        "role": "str",
        "label": "str",
        "status": "str",
        "reason": "str",
        "width": "Int64",
        "height": "Int64",
        "mode": "str",
        "bytes": "Int64",
        "sha256": "str",
        "phash": "UInt64",
        "group": "int64",
    }
    assert index["image"].tolist() == [row.split(",")[0] for row in data.train + data.test]
    assert index["role"].tolist() == ["train"] * 20 + ["test"] * 4
    assert index["label"].tolist()[:20] == ["0"] * 10 + ["1"] * 10
    assert index["label"].isna().sum() == 4
    assert index["status"].unique().tolist() == ["ok"]
    assert index["group"].tolist() == list(range(24))
    assert index[["width", "height"]].drop_duplicates().to_numpy().tolist() == [[40, 40]]
    assert index["mode"].unique().tolist() == ["RGB"]
    assert index["bytes"][0] == (data.layout.images / "a0.png").stat().st_size
    assert report == {
        "image_column": "image_names",
        "label_column": "class",
        "label_dtype": "int",
        "classes": ["0", "1"],
        "demo": False,
        "counts": {
            "train_rows": 20,
            "train_usable": 20,
            "train_quarantined": 0,
            "test_rows": 4,
            "test_unreadable": 0,
            "files_without_a_row": 0,
        },
        "class_counts": {"0": 10, "1": 10},
        "quarantined": [],
        "overrides": {"flipped": 0, "dropped": 0, "kept": 0},
        "duplicates": {
            "exact_groups": 0,
            "exact_images": 0,
            "groups": 0,
            "images": 0,
            "largest_group": 1,
            "contradictory_groups": 0,
            "contradictory": [],
            "groups_in_train_and_test": 0,
            "train_images_in_test": 0,
            "in_train_and_test": [],
        },
        "csv": {
            name: {"encoding": "utf-8", "separator": ","} for name in ("train.csv", "test.csv", "sample_submission.csv")
        },
        "warnings": [],
    }


def test_hash_is_that_of_the_file(data: Data) -> None:
    (data.layout.images / "a0.png").write_bytes(b"no picture")
    index, _ = data.run()
    assert index["sha256"][0] == hashlib.sha256(b"no picture").hexdigest()


def test_same_bytes_each_time(data: Data) -> None:
    (data.layout.images / "a0.png").unlink()
    data.run()
    first = data.outputs()
    data.run()
    assert data.outputs() == first


def test_unusable_pictures_are_quarantined_with_a_reason(data: Data) -> None:
    images = data.layout.images
    (images / "a0.png").unlink()
    (images / "a1.png").write_bytes(b"")
    (images / "a2.png").write_bytes(b"text")
    (images / "a3.png").write_bytes((images / "a3.png").read_bytes()[:-2000])
    data.draw("a4.png", 50, side=31)
    (images / "a5.png").unlink()
    (images / "a5.png").mkdir()
    index, report = data.run()
    assert reason(index, "a0.png") == "the file is missing"
    assert reason(index, "a1.png") == "empty file"
    assert reason(index, "a2.png") == "not a picture in a known format"
    assert reason(index, "a3.png").startswith("cannot be decoded: image file is truncated")
    assert reason(index, "a4.png") == "31x31 pixels, less than min_side = 32"
    assert reason(index, "a5.png") == "not a file"
    assert index["width"].isna().sum() == index["phash"].isna().sum() == index["mode"].isna().sum() == 5
    assert index["sha256"].isna().tolist()[:6] == [True, False, False, False, False, True]
    assert report["counts"]["train_quarantined"] == len(report["quarantined"]) == 6
    assert report["quarantined"][0] == {"image": "a0.png", "role": "train", "reason": "the file is missing"}
    assert report["class_counts"] == {"0": 4, "1": 10}


def test_limits_of_bytes_and_pixels(data: Data) -> None:
    data.draw("a0.png", 50, side=60)
    index, _ = data.run(ValidateParams(max_quarantined=1.0, max_pixels=3599))
    assert reason(index, "a0.png") == "60x60 pixels, more than max_pixels = 3599"
    size = (data.layout.images / "a0.png").stat().st_size
    index, _ = data.run(ValidateParams(max_quarantined=1.0, max_bytes=size - 1))
    assert reason(index, "a0.png") == f"{size} bytes, more than max_bytes = {size - 1}"


def test_a_file_that_may_not_be_read(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    def lstat(path: str) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("facegender.inspect_images.os.lstat", lstat)  # root, who runs tests in containers, may read all
    index, _ = data.run()
    assert set(index["reason"]) == {"cannot be read: Permission denied"}


def test_test_pictures_are_marked_and_do_not_count(data: Data) -> None:
    (data.layout.images / "t0.png").unlink()
    data.draw("t1.png", 50, side=20)
    index, report = data.run(ValidateParams(max_quarantined=0.0))
    assert reason(index, "t0.png") == "the file is missing"
    assert reason(index, "t1.png") is None  # small ones are scored all the same
    assert report["counts"]["test_unreadable"] == 1


def test_too_many_unusable_rows_stop_the_run(data: Data) -> None:
    for name in ("a0.png", "a1.png"):
        (data.layout.images / name).unlink()
    (data.layout.images / "b0.png").write_bytes(b"")
    data.train.append(",1")
    assert data.error(ValidateParams(max_quarantined=0.1)) == (
        "train.csv: at most 10.0% of the 21 training rows may be unusable. Received: 4 (19.0%): the file is missing: 2 "
        "(a0.png, a1.png); empty file: 1 (b0.png); no image name: 1 (train.csv row 22). Mend the files or rows; or "
        "raise validate.max_quarantined in params.yaml."
    )
    _, report = data.run(ValidateParams(max_quarantined=0.2))  # 4 of 21 are 19 %
    assert report["quarantined"][0] == {"image": "", "role": "train", "reason": "train.csv row 22: no image name"}


def test_names_that_do_not_agree_with_the_files(data: Data) -> None:
    data.train = [row.replace(".png", ".jpg") for row in data.train]
    message = data.error(ValidateParams())
    assert message.endswith("The folder holds files that no row names, such as a0.png: do the names agree?")


def test_files_without_a_row_are_counted(data: Data) -> None:
    (data.layout.images / "more").mkdir()
    for name in ("z.png", "more/y.png", ".hidden"):
        (data.layout.images / name).write_bytes(b"")
    _, report = data.run()
    assert report["counts"]["files_without_a_row"] == 2
    assert report["warnings"] == ["images: 2 files have no row in train.csv or test.csv: more/y.png, z.png"]


def test_pictures_in_subfolders(data: Data) -> None:
    (data.layout.images / "sub").mkdir()
    data.draw("sub/c.png", 60)
    data.train.append("sub/c.png,1")
    index, report = data.run()
    assert reason(index, "sub/c.png") is None
    assert report["warnings"] == []


def test_links_out_of_the_folder_are_refused(data: Data, tmp_path: Path) -> None:
    secret = data.draw("secret.png", 70).rename(tmp_path / "secret.png")
    (data.layout.images / "c.png").symlink_to(secret)
    data.train.append("c.png,1")
    message = data.error()
    assert message.startswith("images/c.png: an image must lie in the images folder itself. Received: a link to ")
    assert "secret.png" in message


def test_linked_subfolders_are_refused(data: Data, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    data.draw("secret.png", 70).rename(tmp_path / "elsewhere" / "secret.png")
    (data.layout.images / "sub").symlink_to(tmp_path / "elsewhere")
    data.train.append("sub/secret.png,1")
    assert data.error().startswith("images/sub/secret.png: an image must lie in the images folder itself")


def test_links_inside_the_folder_and_a_linked_folder_are_fine(data: Data, tmp_path: Path) -> None:
    (data.layout.images / "c.png").symlink_to("a0.png")
    data.train.append("c.png,0")
    data.layout.images.rename(tmp_path / "real")
    data.layout.images.symlink_to(tmp_path / "real")
    index, _ = data.run()
    assert index.set_index("image")["group"]["c.png"] == 0


def test_no_images_folder(data: Data) -> None:
    data.layout.images.rename(data.layout.data / "pictures")
    assert "images: the folder with the images must exist" in data.error()


def test_exact_copies_with_contradicting_labels_are_set_aside(data: Data) -> None:
    content = (data.layout.images / "a0.png").read_bytes()
    for name in ("b0.png", "b1.png", "t0.png"):
        (data.layout.images / name).write_bytes(content)
    index, report = data.run()
    assert reason(index, "a0.png") == "the same file as b0.png, which has another label"
    assert reason(index, "b0.png") == reason(index, "b1.png") == "the same file as a0.png, which has another label"
    assert reason(index, "t0.png") is None
    found = report["duplicates"]
    assert (found["exact_groups"], found["exact_images"], found["contradictory_groups"]) == (1, 4, 1)
    assert (found["groups_in_train_and_test"], found["train_images_in_test"]) == (1, 3)
    assert found["contradictory"] == [
        {
            "kind": "exact",
            "size": 4,
            "images": [
                {"image": "a0.png", "role": "train", "label": "0"},
                {"image": "b0.png", "role": "train", "label": "1"},
                {"image": "b1.png", "role": "train", "label": "1"},
                {"image": "t0.png", "role": "test", "label": None},
            ],
        }
    ]
    assert data.error(ValidateParams(max_quarantined=0.1)).count("the same file as another, with another label: 3") == 1


def test_near_copies_with_contradicting_labels_stay_in_one_group(data: Data) -> None:
    with Image.open(data.layout.images / "a0.png") as picture:
        picture.point(lambda value: value * 0.9).save(data.layout.images / "b0.png")
    index, report = data.run()
    assert reason(index, "a0.png") is reason(index, "b0.png") is None
    groups = index.set_index("image")["group"]
    assert groups["a0.png"] == groups["b0.png"]
    assert report["duplicates"]["contradictory"][0]["kind"] == "near"


def test_rotated_by_exif_is_measured_upright_and_near_its_upright_copy(data: Data) -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8))
    picture.save(data.layout.images / "a0.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    picture.transpose(Image.Transpose.ROTATE_90).save(data.layout.images / "a1.png", exif=exif)
    index, _ = data.run()
    assert index.loc[:1, ["width", "height"]].to_numpy().tolist() == [[60, 40], [60, 40]]
    assert index["phash"][0] == index["phash"][1]
    assert index["group"][0] == index["group"][1]


def test_attributes_are_checked(data: Data) -> None:
    path = data.layout.attributes_csv
    path.write_text("image_names,age\na0.png,3\na0.png,4\nzzz.png,5\n")
    _, report = data.run()
    assert report["warnings"] == [
        "attributes.csv: 1 rows repeat a name; the first counts: a0.png",
        "attributes.csv: 1 names are in no other file: zzz.png",
    ]
    assert "attributes.csv" in report["csv"]


def test_attributes_without_the_image_column(data: Data) -> None:
    data.layout.attributes_csv.write_text("name,age\na0.png,3\n")
    assert "attributes.csv: the column 'image_names' must be there. Received: name, age" in data.error()


def test_attributes_that_params_name_must_exist(data: Data) -> None:
    assert "ages.csv: the file must exist" in data.error(columns=DataParams(attributes="ages.csv"))


def test_demo_data_are_marked(data: Data) -> None:
    data.layout.demo_marker.write_text("{}")
    assert data.run()[1]["demo"] is True


def test_warnings_about_files_reach_the_report(data: Data) -> None:
    data.draw("José.png", 80)
    data.train.append("José.png,1")
    data.run()
    text = data.layout.train_csv.read_text(encoding="utf-8")
    data.layout.train_csv.write_text(text.replace(",", ";"), encoding="cp1252")
    layout = data.layout
    validate(layout, DataParams(), LENIENT, layout.index, layout.validation)
    report = json.loads(layout.validation.read_text(encoding="utf-8"))
    assert report["csv"]["train.csv"] == {"encoding": "cp1252", "separator": ";"}
    assert report["warnings"][0].startswith("train.csv is not UTF-8; it was read as cp1252.")
    assert report["counts"]["train_quarantined"] == 0


def test_real_faces(tmp_path: Path) -> None:
    """6,000 and 2,000 photographs, of which 8 pairs are copies (looked at one by one)."""
    root = Path(__file__).resolve().parents[1]
    faces = Path(os.environ.get("FACEGENDER_FACES", root / "../shared/faces"))
    if not faces.is_dir():
        pytest.skip(f"no faces at {faces}; set FACEGENDER_FACES")
    layout = Layout(faces, tmp_path)
    validate(layout, DataParams(), ValidateParams(), layout.index, layout.validation)
    index = pd.read_parquet(layout.index).set_index("image")
    assert len(index) == 8000
    assert (index["status"] == "ok").all()
    sizes = index["group"].value_counts()
    assert sizes[sizes > 1].tolist() == [2] * 8
    for one, other in (("00766.jpg", "06333.jpg"), ("03202.jpg", "04640.jpg"), ("00306.jpg", "06406.jpg")):
        assert index["group"][one] == index["group"][other]
