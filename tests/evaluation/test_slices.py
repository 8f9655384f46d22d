import numpy as np
import pandas as pd
import pytest

from facegender.errors import UserError
from facegender.slices import MISSING, accuracy_by, read_attributes, slice_by_attributes


def test_accuracy_by_hand():
    found = accuracy_by(pd.Series(["a", "b", "a", "a"]), np.array([True, False, True, False]), minimum=2)
    assert [(row.value, row.accuracy.value, row.accuracy.n, row.enough) for row in found] == [
        ("a", 2 / 3, 3, True),
        ("b", 0.0, 1, False),
    ]


def test_values_stand_in_their_natural_order():
    ages = ["70+", "10-19", "3-9", "", "more than 80", "0-2"]
    found = accuracy_by(pd.Series(ages), np.ones(6, bool), 1)
    assert [row.value for row in found] == ["0-2", "3-9", "10-19", "70+", "more than 80", MISSING]


def test_many_numbers_are_cut_into_quarters():
    found = accuracy_by(pd.Series([str(number) for number in range(1, 101)]), np.ones(100, bool), 1)
    assert [(row.value, row.accuracy.n) for row in found] == [
        ("below 25.75", 25),
        ("25.75 to 50.5", 25),
        ("50.5 to 75.25", 25),
        ("75.25 and more", 25),
    ]


def test_a_column_that_names_rows_makes_no_slices():
    assert accuracy_by(pd.Series([f"person {number}" for number in range(21)]), np.ones(21, bool), 1) == []


def test_attributes_are_joined_by_image(tmp_path):
    path = tmp_path / "attributes.csv"
    path.write_text("age;image\nold;b.jpg\nyoung;a.jpg\nold;a.jpg\n")  # the first of two rows for a.jpg counts
    attributes = read_attributes(path, "image")
    found = slice_by_attributes(pd.Series(["a.jpg", "c.jpg", "b.jpg"]), np.array([True, True, False]), attributes, 1)
    assert {row.value: row.accuracy.value for row in found["age"]} == {"old": 0.0, "young": 1.0, MISSING: 1.0}


def test_without_the_file_there_are_no_slices(tmp_path):
    assert read_attributes(tmp_path / "attributes.csv", "image") is None
    assert slice_by_attributes(pd.Series(["a"]), np.array([True]), None, 1) == {}


def test_attributes_without_the_image_column_are_refused(tmp_path):
    path = tmp_path / "attributes.csv"
    path.write_text("file,age\na.jpg,3\n")
    with pytest.raises(UserError, match=r"attributes.csv: the column image must be there. Received: file, age"):
        read_attributes(path, "image")
