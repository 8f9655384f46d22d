"""The form of a submission: labels or probabilities, as sample_submission.csv writes them."""

import pandas as pd
import pytest

from facegender.decision.classes import Classes
from facegender.errors import UserError
from facegender.scoring.submission_form import (
    SampleSubmission,
    check_sample,
    check_submission,
    fill_sample,
    label_texts,
    read_sample,
)

INTEGERS = Classes("0", "1", "int", 0.4)
WORDS = Classes("female", "male", "str", 0.6)
TEST = pd.Series(["a", "b"], dtype="str")


def sample_of(images, placeholders, columns=("name", "label")):
    table = pd.DataFrame({columns[0]: images, columns[1]: placeholders}, dtype=str)
    table.index = table.index + 2  # row numbers as in a spreadsheet
    return SampleSubmission(table, columns[0], columns[1])


def predicted(**labels):
    table = pd.DataFrame({"image": list(labels), "label": list(labels.values())})
    return table.assign(probability=[0.25 if label in ("0", "female") else 0.75 for label in table["label"]])


def test_reading_keeps_the_order_of_the_columns(tmp_path):
    path = tmp_path / "sample_submission.csv"
    path.write_text("label,name\n0,007\n", encoding="utf-8-sig")
    sample = read_sample(path, "name", "label")
    assert list(sample.table.columns) == ["label", "name"]
    assert sample.images.tolist() == ["007"]
    assert sample.placeholders.tolist() == ["0"]


def test_columns_other_than_the_two_are_refused(tmp_path):
    path = tmp_path / "sample_submission.csv"
    path.write_text("name,label,extra\na,0,x\n")
    with pytest.raises(UserError, match=r"the columns must be name and label. Received: name, label, extra"):
        read_sample(path, "name", "label")


def test_a_repeated_image_is_refused():
    with pytest.raises(UserError, match=r"sample.csv row 4: each image must appear once. Received: a"):
        check_sample(sample_of(["a", "b", "a"], ["0"] * 3), TEST, INTEGERS, "labels", "sample.csv")


def test_an_image_that_test_csv_lacks_is_refused():
    with pytest.raises(UserError, match=r"sample.csv row 3: the images must be those of test.csv. Received: c"):
        check_sample(sample_of(["a", "c"], ["0"] * 2), TEST, INTEGERS, "labels", "sample.csv")


def test_a_sample_that_lacks_a_test_image_is_refused():
    with pytest.raises(UserError, match=r"every image of test.csv must have a row. Received: no row for b"):
        check_sample(sample_of(["a"], ["0"]), TEST, INTEGERS, "labels", "sample.csv")


def test_probabilities_as_placeholders_are_refused_for_labels_only():
    sample = sample_of(["a", "b"], ["0", "0.5"])
    with pytest.raises(UserError, match=r"sample.csv row 3: label must be 0, 1 or empty. Received: '0.5'.*submit.form"):
        check_sample(sample, TEST, INTEGERS, "labels", "sample.csv")
    check_sample(sample, TEST, INTEGERS, "probabilities", "sample.csv")


@pytest.mark.parametrize(
    ("classes", "placeholders", "texts"),
    [
        (INTEGERS, ["0", "1"], {"0": "0", "1": "1"}),
        (INTEGERS, ["", ""], {"0": "0", "1": "1"}),
        (INTEGERS, ["0.0", "0.0"], {"0": "0.0", "1": "1.0"}),
        (WORDS, ["male", ""], {"female": "female", "male": "male"}),
    ],
)
def test_labels_are_written_as_the_sample_writes_them(classes, placeholders, texts):
    assert label_texts(sample_of(["a", "b"], placeholders), classes, "sample.csv") == texts


def test_labels_are_joined_by_image_not_by_order():
    filled = fill_sample(
        sample_of(["c", "a", "b"], ["0", "0", "0"]), predicted(a="1", b="0", c="0"), INTEGERS, "labels"
    )
    assert filled.to_numpy().tolist() == [["c", "0"], ["a", "1"], ["b", "0"]]


def test_probabilities_are_of_the_positive_class_with_float32_precision():
    table = predicted(a="male").assign(probability=[0.1234567836523056])
    filled = fill_sample(sample_of(["a"], ["0"]), table, WORDS, "probabilities")
    assert filled["label"].tolist() == ["0.123456784"]


def submission(images, cells, columns=("name", "label")):
    return pd.DataFrame({columns[0]: images, columns[1]: cells})


SAMPLE = sample_of(["a", "b"], ["0", "0"])


def test_a_valid_submission_passes():
    check_submission(submission(["a", "b"], ["1", "0"]), SAMPLE, INTEGERS, "labels")
    check_submission(submission(["a", "b"], ["1", "0.25"]), SAMPLE, INTEGERS, "probabilities")


@pytest.mark.parametrize(
    ("written", "form", "message"),
    [
        (submission(["a", "b"], ["1", "0"], ("label", "name")), "labels", "columns must be"),
        (submission(["b", "a"], ["1", "0"]), "labels", "in its order"),
        (submission(["a"], ["1"]), "labels", "in its order"),
        (submission(["a", "b"], ["1", "2"]), "labels", r"labels must be among \['0', '1'\]. Received: \['2'\]"),
        (submission(["a", "b"], ["1", ""]), "labels", "labels must be among"),
        (submission(["a", "b"], ["1.01", "0"]), "probabilities", "between 0 and 1"),
        (submission(["a", "b"], ["", "0"]), "probabilities", "between 0 and 1"),
    ],
)
def test_an_invalid_submission_is_refused(written, form, message):
    with pytest.raises(ValueError, match=message):
        check_submission(written, SAMPLE, INTEGERS, form)
