"""CSV files in the forms in which people save them."""

from pathlib import Path

import pytest

from facegender.data.tables import Columns, Table, find_columns, read_table
from facegender.errors import UserError
from facegender.params.sections import DataParams


def table(folder: Path, content: bytes | str, name: str = "train.csv") -> Table:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(path)


def test_every_cell_stays_as_written(tmp_path: Path) -> None:
    read = table(tmp_path, 'name,class\nNA,01\n"a, b.jpg",null\n 7.jpg , 1 \n')
    assert read.frame.values.tolist() == [["NA", "01"], ["a, b.jpg", "null"], ["7.jpg", "1"]]
    assert (read.encoding, read.separator, read.warning) == ("utf-8", ",", "")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path: Path, separator: str) -> None:
    read = table(tmp_path, f'name{separator}class\na.jpg{separator}"1"\n')
    assert read.separator == separator
    assert read.frame.columns.tolist() == ["name", "class"]
    assert read.frame.values.tolist() == [["a.jpg", "1"]]


def test_a_single_column_is_read(tmp_path: Path) -> None:
    assert table(tmp_path, "name\na.jpg\nb.jpg\n").frame["name"].tolist() == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("codec", "encoding", "warns"),
    [
        ("utf-8", "utf-8", False),
        ("utf-8-sig", "utf-8", False),
        ("utf-16", "utf-16", True),
        ("utf-16-le", "utf-16-le", True),
        ("utf-16-be", "utf-16-be", True),
        ("cp1252", "cp1252", True),
    ],
)
def test_the_encoding_is_found(tmp_path: Path, codec: str, encoding: str, warns: bool) -> None:
    read = table(tmp_path, "name,class\r\nJosé.jpg,1\r\n".encode(codec))
    assert read.frame.columns.tolist() == ["name", "class"]
    assert read.frame["name"].tolist() == ["José.jpg"]
    assert read.encoding == encoding
    assert bool(read.warning) == warns


def test_bytes_that_cp1252_lacks_are_read_as_latin_1(tmp_path: Path) -> None:
    read = table(tmp_path, b"name,class\n\x81.jpg,1\n")
    assert read.encoding == "latin-1"
    assert read.warning == (
        "train.csv is not UTF-8; it was read as latin-1. If names look wrong or files are missing, save it as UTF-8."
    )


def test_rows_are_numbered_as_in_a_spreadsheet(tmp_path: Path) -> None:
    read = table(tmp_path, "name,class\n\na.jpg,0\n,\nb.jpg,1\n\n")
    assert read.frame.index.tolist() == [3, 5]
    assert read.where(5) == "train.csv row 5"
    assert read.where() == "train.csv"


def test_an_index_column_without_a_name_is_left_out(tmp_path: Path) -> None:
    assert table(tmp_path, ",name,class\n0,a.jpg,1\n").frame.columns.tolist() == ["name", "class"]


def test_short_rows_get_empty_cells(tmp_path: Path) -> None:
    assert table(tmp_path, "name,class\na.jpg\n").frame.values.tolist() == [["a.jpg", ""]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must have a header and rows. Received: an empty file"),
        (b"name,class\n", "must have a header and at least one row"),
        (b"PK\x03\x04rest", "the file must be a CSV. Received: an Excel workbook. Save it as CSV"),
        (b"\xd0\xcf\x11\xe0rest", "Received: an Excel workbook"),
        (b"a\0b\0\0\0", "must be a CSV in UTF-8. Received: bytes that are not text"),
        (b"\xef\xbb\xbfname\n\xff\n", "must be a CSV in UTF-8"),
        (b"name,name\na,b\n", "row 1: column names must differ. Received: 'name' twice"),
        (b"name,class\na,b\na,b,c\n", "as many cells as the header. Received: Expected 2 fields in line 3, saw 3"),
    ],
)
def test_files_that_are_not_a_table_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UserError) as error:
        table(tmp_path, content)
    assert message in str(error.value)
    assert "train.csv" in str(error.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the file must exist"):
        read_table(tmp_path / "train.csv")


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must be readable\. Received: Is a directory"):
        read_table(tmp_path)


TEST = "image_names\nt.jpg\n"
SAMPLE = "image_names,class\nt.jpg,0\n"


def columns(
    folder: Path, train: str, test: str = TEST, sample: str = SAMPLE, params: DataParams | None = None
) -> Columns:
    tables = (table(folder, train), table(folder, test, "test.csv"), table(folder, sample, "sample_submission.csv"))
    return find_columns(*tables, params or DataParams())


def test_columns_are_found_in_the_files(tmp_path: Path) -> None:
    assert columns(tmp_path, "image_names,class\na.jpg,0\n") == Columns("image_names", "class")


def test_other_columns_do_not_matter(tmp_path: Path) -> None:
    found = columns(
        tmp_path,
        train="image_names,age,class,source\na.jpg,3,0,x\n",
        test="image_names,age\nt.jpg,3\n",
    )
    assert found == Columns("image_names", "class")  # `source` is not in the sample


def test_named_columns_take_precedence(tmp_path: Path) -> None:
    params = DataParams(image_column="file", label_column="sex")
    found = columns(tmp_path, "file,sex,age\na,0,1\n", "file,id\nt,1\n", "file,id,sex\nt,1,0\n", params)
    assert found == Columns("file", "sex")


@pytest.mark.parametrize(
    ("train", "test", "sample", "message"),
    [
        ("a,b\n1,2\n", "a\n1\n", "c,d\n1,2\n", "sample_submission.csv and test.csv: must share exactly one column"),
        ("a,b,c\n1,2,3\n", "a,b\n1,2\n", "a,b,c\n1,2,3\n", "sample_submission.csv and test.csv: must share exactly"),
        ("x,b\n1,2\n", "a\n1\n", "a,b\n1,2\n", "train.csv: the column 'a' must be there. Received: x, b. It must have"),
        (
            "a,b,c\n1,2,3\n",
            TEST.replace("image_names", "a"),
            "a,z\nt,2\n",
            "train.csv: must have exactly one column that",
        ),
        ("a\n1\n", "a\n1\n", "a,b\n1,2\n", "train.csv: must have exactly one column that test.csv lacks"),
    ],
)
def test_missing_or_ambiguous_columns_are_refused(
    tmp_path: Path, train: str, test: str, sample: str, message: str
) -> None:
    with pytest.raises(UserError) as error:
        columns(tmp_path, train, test, sample)
    assert message in str(error.value)


def test_named_columns_must_exist_and_differ(tmp_path: Path) -> None:
    train = "image_names,class\na.jpg,0\n"
    with pytest.raises(UserError, match=r"train.csv: the column 'x' must be there.*names it as data.label_column"):
        columns(tmp_path, train, params=DataParams(label_column="x"))
    with pytest.raises(UserError, match=r"train.csv: the column 'x' must be there.*names it as data.image_column"):
        columns(tmp_path, train, params=DataParams(image_column="x"))
    with pytest.raises(UserError, match="image_column and label_column must differ"):
        columns(tmp_path, train, params=DataParams(label_column="image_names"))
