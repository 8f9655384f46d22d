"""What the rows of the CSV files may contain."""

from pathlib import Path

import pandas as pd
import pytest

from facegender.data.rows import Listing, format_examples, list_images
from facegender.data.tables import Columns, Table
from facegender.errors import UserError


def table(name: str, rows: list[tuple[str, ...]]) -> Table:
    columns = ["name", "class"][: len(rows[0])]
    return Table(
        Path(name), pd.DataFrame(rows, columns=columns, index=range(2, len(rows) + 2), dtype="str"), "utf-8", ","
    )


def listing(train: list[tuple[str, str]], test: list[str] | None = None, sample: list[str] | None = None) -> Listing:
    test = ["t.jpg"] if test is None else test
    tables = (
        table("train.csv", list(train)),
        table("test.csv", [(name,) for name in test]),
        table("sample_submission.csv", [(name, "0") for name in (test if sample is None else sample)]),
    )
    return list_images(*tables, Columns("name", "class"))


SOUND = [("a.jpg", "0"), ("b.jpg", "1")]


def test_training_rows_come_first() -> None:
    found = listing([*SOUND, ("c.jpg", "1")], ["t.jpg", "s.jpg"])
    assert found.frame.astype(object).where(found.frame.notna(), None).to_numpy().tolist() == [
        ["a.jpg", "train", "0"],
        ["b.jpg", "train", "1"],
        ["c.jpg", "train", "1"],
        ["t.jpg", "test", None],
        ["s.jpg", "test", None],
    ]
    assert (found.reasons, found.unnamed, found.warnings) == ({}, [], [])


@pytest.mark.parametrize(
    ("labels", "classes", "dtype"),
    [
        (["1", "0"], ("0", "1"), "int"),
        (["10", "9"], ("9", "10"), "int"),  # sorted as numbers
        (["1", "-1"], ("-1", "1"), "int"),
        (["male", "female"], ("female", "male"), "str"),
        (["01", "00"], ("00", "01"), "str"),  # a leading zero would be lost as a number
        (["1", "x"], ("1", "x"), "str"),
    ],
)
def test_classes(labels: list[str], classes: tuple[str, str], dtype: str) -> None:
    found = listing([(f"{row}.jpg", label) for row, label in enumerate(labels)])
    assert (found.classes, found.label_dtype) == (classes, dtype)


ODD_LABEL = "train.csv row 6: class must be one of 0, 1, the two labels that most rows have. Received: 'mle'."


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", "0"), ("b", "0")], "train.csv: class must have two classes. Received: only '0'"),
        ([("a", ""), ("b", "")], "train.csv: class must have two classes. Received: only empty cells"),
        (
            [("a", "0"), ("b", "1"), ("c", "0"), ("d", "1"), ("e", "mle")],
            f"{ODD_LABEL} It is the only row with another label. Correct or remove it; rows without a label are",
        ),
        (
            [("a", "0"), ("b", "1"), ("c", "0"), ("d", "1"), ("e", "mle"), ("f", "2")],
            f"{ODD_LABEL} It is one of 2 rows with another label. Correct or remove them; rows without a label are",
        ),
    ],
)
def test_labels_of_fewer_or_more_than_two_classes_are_refused(rows: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(UserError) as error:
        listing(rows)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "name", ["../a.jpg", "x/../../a.jpg", "/etc/a.jpg", "C:\\a.jpg", "c:a.jpg", "..\\a.jpg", "\\\\host\\a.jpg", ".."]
)
def test_names_that_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"^train.csv row 4: names must stay in the images folder"):
        listing([*SOUND, (name, "0")])
    with pytest.raises(UserError, match=r"^test.csv row 2: names must stay in the images folder"):
        listing(SOUND, [name])


@pytest.mark.parametrize("name", ["a..jpg", "...jpg", "x/..a/b.jpg", "a:b.jpg".replace("a:", "aa:"), "größe é.jpg"])
def test_odd_names_that_stay_in_the_folder_are_allowed(name: str) -> None:
    assert name in listing([*SOUND, (name, "0")]).frame["image"].tolist()


def test_control_characters_in_names_are_refused() -> None:
    with pytest.raises(UserError, match=r"train.csv row 4: names must have no control characters. Received: 'a\\x00'"):
        listing([*SOUND, ("a\0", "0")])


def test_rows_without_a_name_or_a_label_are_quarantined() -> None:
    found = listing([*SOUND, ("", "1"), ("c.jpg", "")])
    assert found.unnamed == ["train.csv row 4: no image name"]
    assert found.reasons == {2: "no label in train.csv row 5"}
    assert found.frame["image"].tolist() == ["a.jpg", "b.jpg", "c.jpg", "t.jpg"]


def test_repeated_names_are_used_once_or_contradict() -> None:
    found = listing([*SOUND, ("a.jpg", "0"), ("b.jpg", "0"), ("b.jpg", "")])
    assert found.frame["image"].tolist() == ["a.jpg", "b.jpg", "t.jpg"]
    assert found.warnings == ["train.csv: 1 names are in several rows with the same label and are used once: a.jpg"]
    expected = "listed with contradicting labels in train.csv: 1 (row 3), 0 (row 5), none (row 6)"
    assert found.reasons == {1: expected}
    assert found.frame["label"].isna().tolist() == [False, True, True]


def test_repeated_names_in_test_are_used_once() -> None:
    found = listing(SOUND, ["t.jpg", "t.jpg"])
    assert found.frame["image"].tolist() == ["a.jpg", "b.jpg", "t.jpg"]
    assert found.warnings == ["test.csv: 1 rows repeat a name and are scored once: t.jpg"]


def test_a_name_in_train_and_test_is_refused() -> None:
    with pytest.raises(UserError, match=r"train.csv row 3: no image may also be in test.csv.*1 in both: b.jpg"):
        listing(SOUND, ["b.jpg"])


@pytest.mark.parametrize(
    ("test", "sample", "message"),
    [
        (["t", ""], None, "test.csv row 3: name must not be empty"),
        (["t"], ["t", ""], "sample_submission.csv row 3: name must not be empty"),
        (["t"], ["t", "u"], "sample_submission.csv row 3: both files must name the same images; 1 of this file are no"),
        (["t", "u"], ["t"], "test.csv row 3: both files must name the same images; 1 of this file are not in sample_s"),
        (["t", "t"], ["t"], "must name each image equally often. Received: 2 and 1 rows"),
    ],
)
def test_a_sample_with_other_names_is_refused(test: list[str], sample: list[str] | None, message: str) -> None:
    with pytest.raises(UserError) as error:
        listing(SOUND, test, sample)
    assert message in str(error.value)


def test_the_sample_may_be_in_another_order() -> None:
    assert listing(SOUND, ["t", "u"], ["u", "t"]).frame["image"].tolist() == ["a.jpg", "b.jpg", "t", "u"]


def test_only_five_examples_are_shown() -> None:
    assert format_examples("abcde") == "a, b, c, d, e"
    assert format_examples("abcdef") == "a, b, c, d, e, …"
