"""Decisions about labels: what validate does with them, and which it refuses."""

from pathlib import Path

import pandas as pd
import pytest

from facegender.data.split import split
from facegender.files.layout import Layout
from facegender.params.sections import SplitParams, ValidateParams
from facegender.params.stage_params import SplitStageParams
from tests.small_data import LENIENT, Data, reason


def write_overrides(data: Data, *rows: str, header: str = "image,label,decision") -> Path:
    path = data.layout.label_overrides
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


def test_flip_drop_and_keep(data: Data) -> None:
    write_overrides(data, "a0.png,0,flip", "b0.png,1,flip", "b1.png,1,drop", "a2.png,0,keep")
    index, report = data.run()
    labels = index.set_index("image")["label"]
    assert labels["a0.png"] == "1"
    assert labels["b0.png"] == "0"
    assert labels["a2.png"] == "0"
    assert labels["a1.png"] == "0"  # untouched
    assert labels["b1.png"] == "1"  # quarantined, not changed
    assert reason(index, "b1.png") == "dropped by label_overrides.csv"
    assert index["status"].eq("quarantined").sum() == 1
    assert report["overrides"] == {"flipped": 2, "dropped": 1, "kept": 1}
    # of ten each, one of each class changes to the other, and one of class 1 is quarantined
    assert report["class_counts"] == {"0": 10, "1": 9}
    assert report["counts"]["train_quarantined"] == 1
    assert report["quarantined"] == [{"image": "b1.png", "role": "train", "reason": "dropped by label_overrides.csv"}]
    assert report["csv"]["label_overrides.csv"] == {"encoding": "utf-8", "separator": ","}


def test_split_uses_the_new_labels(data: Data) -> None:
    write_overrides(data, "a0.png,0,flip", "b1.png,1,drop")
    data.run()
    split(data.layout, SplitStageParams(split=SplitParams()))
    rows = pd.read_parquet(data.layout.splits).set_index("image")
    assert rows.loc["a0.png", "label"] == "1"
    assert "b1.png" not in rows.index


def test_columns_may_be_in_another_order_and_saved_by_a_spreadsheet(data: Data) -> None:
    path = data.layout.label_overrides
    path.write_text("decision;image;label\r\nflip; a0.png;0\r\n;;\r\n", encoding="utf-8-sig")
    index, report = data.run()
    assert index.set_index("image")["label"]["a0.png"] == "1"
    assert report["overrides"] == {"flipped": 1, "dropped": 0, "kept": 0}


def test_a_flip_resolves_a_contradiction_between_copies(data: Data) -> None:
    images = data.layout.images
    (images / "b0.png").write_bytes((images / "a0.png").read_bytes())
    _, before = data.run()
    assert before["counts"]["train_quarantined"] == 2  # nobody knows which of the two labels is right
    write_overrides(data, "b0.png,1,flip")
    _, after = data.run()
    assert after["counts"]["train_quarantined"] == 0
    assert after["duplicates"]["contradictory_groups"] == 0


def test_dropping_one_of_two_contradicting_copies_keeps_the_other(data: Data) -> None:
    images = data.layout.images
    (images / "b0.png").write_bytes((images / "a0.png").read_bytes())
    write_overrides(data, "b0.png,1,drop")
    index, _ = data.run()
    assert reason(index, "a0.png") is None


def test_a_fault_of_the_file_takes_precedence(data: Data) -> None:
    (data.layout.images / "a0.png").unlink()
    write_overrides(data, "a0.png,0,drop")
    index, report = data.run()
    assert reason(index, "a0.png") == "the file is missing"
    assert report["overrides"]["dropped"] == 1


def test_dropped_images_do_not_count_towards_the_limit(data: Data) -> None:
    write_overrides(data, *(f"a{number}.png,0,drop" for number in range(5)))
    _, report = data.run(ValidateParams(max_quarantined=0.0))
    assert report["class_counts"] == {"0": 5, "1": 10}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ["a0.png,0,keep", "zzz.png,0,flip", "yyy.png,1,keep"],
            "label_overrides.csv row 3: the image must be in train.csv. Received: 2 that are not: zzz.png, yyy.png.",
        ),
        (["t0.png,0,flip"], "label_overrides.csv row 2: the image must be in train.csv. Received: 1 that are not: t0"),
        (["a0.png,2,flip"], "label_overrides.csv row 2: label must be one of 0, 1. Received: '2'."),
        (["a0.png,,flip"], "label_overrides.csv row 2: label must be one of 0, 1. Received: ''."),
        (["a0.png,0,Flip"], "label_overrides.csv row 2: decision must be one of keep, flip, drop. Received: 'Flip'."),
        (
            ["a0.png,0,flip", "a1.png,0,keep", "a0.png,0,keep"],
            "label_overrides.csv row 4: each image may have only one row. Received: a0.png. Keep one decision",
        ),
        (
            ["a0.png,0,flip", "a1.png,1,flip"],
            "label_overrides.csv row 3: the label of a1.png must be the one in train.csv, '0'. Received: '1'. The",
        ),
    ],
)
def test_wrong_rows_are_refused(data: Data, rows: list[str], message: str) -> None:
    write_overrides(data, *rows)
    assert data.error().startswith(message)


def test_a_contradictory_label_cannot_be_overridden(data: Data) -> None:
    data.train += ["a0.png,1"]  # a0 has both labels now
    write_overrides(data, "a0.png,0,keep")
    assert "must be the one in train.csv, which is missing or contradictory. Received: '0'." in data.error()


def test_a_column_is_missing(data: Data) -> None:
    write_overrides(data, "a0.png,flip", header="image,decision")
    assert data.error() == "label_overrides.csv: the column 'label' must be there. Received: image, decision."


def test_without_the_file_nothing_changes(data: Data) -> None:
    index, report = data.run()
    assert index["label"].tolist()[:20] == ["0"] * 10 + ["1"] * 10
    assert report["overrides"] == {"flipped": 0, "dropped": 0, "kept": 0}
    assert "label_overrides.csv" not in report["csv"]


def test_labels_may_be_words(tmp_path: Path) -> None:
    data = Data(tmp_path)
    data.train = [row.replace(",0", ",female").replace(",1", ",male") for row in data.train]
    write_overrides(data, "a0.png,female,flip")
    index, _ = data.run(LENIENT)
    assert index.set_index("image")["label"]["a0.png"] == "male"


def test_the_layout_names_the_file() -> None:
    assert Layout(Path("d")).label_overrides == Path("d/label_overrides.csv")
