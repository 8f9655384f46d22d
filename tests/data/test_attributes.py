import pandas as pd
import pytest

from facegender.data.attributes import read_attributes
from facegender.errors import UserError

NAMES = pd.Index(["b.jpg", "a.jpg"])


def test_attributes_come_as_text_in_the_images_order(tmp_path):
    path = tmp_path / "attributes.csv"
    path.write_text("age;image\n07;a.jpg\nyoung;b.jpg\nold;a.jpg\nold;c.jpg\n")  # the first row for a.jpg counts
    found = read_attributes(path, NAMES, "image")
    assert list(found.index) == ["b.jpg", "a.jpg"]
    assert found["age"].tolist() == ["young", "07"]


def test_an_image_that_the_file_does_not_list_has_no_value(tmp_path):
    path = tmp_path / "attributes.csv"
    path.write_text("image,age\na.jpg,3\n")
    assert read_attributes(path, NAMES, "image")["age"].isna().tolist() == [True, False]


@pytest.mark.parametrize("column", ["image", None])
def test_without_the_file_there_are_none(tmp_path, column):
    assert read_attributes(tmp_path / "attributes.csv", NAMES, column) is None


def test_a_file_without_the_image_column_is_refused(tmp_path):
    path = tmp_path / "attributes.csv"
    path.write_text("file,age\na.jpg,3\n")
    with pytest.raises(UserError, match=r"attributes.csv: the column image must be there. Received: file, age"):
        read_attributes(path, NAMES, "image")


def test_where_the_image_column_is_not_known_it_is_the_one_with_the_most_names(tmp_path):
    path = tmp_path / "attributes.csv"
    path.write_text("age,original,file\nold,a.jpg,a.jpg\nyoung,a.jpg,b.jpg\n")
    assert read_attributes(path, NAMES)["age"].to_dict() == {"b.jpg": "young", "a.jpg": "old"}
