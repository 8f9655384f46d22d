"""Stage validate, on small data sets with one fault each and on real faces."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from facegender.data.validate import validate
from facegender.files.layout import Layout
from facegender.params.sections import DataParams, Params, ValidateParams
from facegender.params.stage_params import ValidateStageParams
from tests.small_data import LENIENT, Data, reason


def test_faultless_data(data: Data) -> None:
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


def test_same_bytes_each_time(data: Data) -> None:
    (data.layout.images / "a0.png").unlink()
    data.run()
    first = data.outputs()
    data.run()
    assert data.outputs() == first


def test_too_many_unusable_rows_stop_the_run(data: Data) -> None:
    for name in ("a0.png", "a1.png"):
        (data.layout.images / name).unlink()
    (data.layout.images / "b0.png").write_bytes(b"")
    data.train.append(",1")
    assert data.error(ValidateParams(max_quarantined=0.1)) == (
        "train.csv: at most 10.0% of the 21 training rows may be unusable. Received: 4 (19.0%): the file is missing: 2 "
        "(a0.png, a1.png); empty file: 1 (b0.png); no image name: 1 (train.csv row 22). Fix the files or rows, or "
        "raise validate.max_quarantined in params.yaml."
    )
    _, report = data.run(ValidateParams(max_quarantined=0.2))  # 4 of 21 is 19%
    assert report["quarantined"][0] == {"image": "", "role": "train", "reason": "train.csv row 22: no image name"}


def test_names_that_do_not_match_the_files_are_pointed_out(data: Data) -> None:
    data.train = [row.replace(".png", ".jpg") for row in data.train]
    message = data.error(ValidateParams())
    assert message.endswith("The folder has files that no row names, such as a0.png. Do the names match?")


def test_a_missing_images_folder_is_refused(data: Data) -> None:
    data.layout.images.rename(data.layout.data / "pictures")
    assert "images: the folder with the images must exist" in data.error()


def test_exact_copies_with_contradicting_labels_are_quarantined(data: Data) -> None:
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


def test_attributes_are_checked(data: Data) -> None:
    path = data.layout.attributes_csv
    path.write_text("image_names,age\na0.png,3\na0.png,4\nzzz.png,5\n")
    _, report = data.run()
    assert report["warnings"] == [
        "attributes.csv: 1 rows repeat a name; the first counts: a0.png",
        "attributes.csv: 1 names are in no other file: zzz.png",
    ]
    assert "attributes.csv" in report["csv"]


def test_attributes_without_the_image_column_are_refused(data: Data) -> None:
    data.layout.attributes_csv.write_text("name,age\na0.png,3\n")
    assert "attributes.csv: the column 'image_names' must be there. Received: name, age" in data.error()


def test_attributes_named_in_params_must_exist(data: Data) -> None:
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
    validate(layout, ValidateStageParams(data=DataParams(), validation=LENIENT))
    report = json.loads(layout.validation.read_text(encoding="utf-8"))
    assert report["csv"]["train.csv"] == {"encoding": "cp1252", "separator": ";"}
    assert report["warnings"][0].startswith("train.csv is not UTF-8; it was read as cp1252.")
    assert report["counts"]["train_quarantined"] == 0


def test_real_faces(tmp_path: Path) -> None:
    """6,000 and 2,000 photographs, among them 8 pairs of copies, each checked by eye."""
    root = Path(__file__).resolve().parents[2]
    faces = Path(os.environ.get("FACEGENDER_FACES", root / "../shared/faces"))
    if not faces.is_dir():
        pytest.skip(f"no faces at {faces}; set FACEGENDER_FACES")
    layout = Layout(faces, tmp_path)
    validate(layout, Params())
    index = pd.read_parquet(layout.index).set_index("image")
    assert len(index) == 8000
    assert (index["status"] == "ok").all()
    sizes = index["group"].value_counts()
    assert sizes[sizes > 1].tolist() == [2] * 8
    for one, other in (("00766.jpg", "06333.jpg"), ("03202.jpg", "04640.jpg"), ("00306.jpg", "06406.jpg")):
        assert index["group"][one] == index["group"][other]
