"""Names are looked up and sorted as by pandas, without its Python objects."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facegender.files.image_names import ImagePaths, argsort_names, lookup, lookup_all
from facegender.files.parquet import read_rows, write


def test_the_first_row_of_each_name_is_found() -> None:
    among = pd.Series(["b.jpg", "ä.jpg", "a.jpg", "b.jpg"], dtype="str")
    assert lookup_all(pd.Series(["a.jpg", "b.jpg", "ä.jpg"], dtype="str"), among).tolist() == [2, 0, 1]
    assert lookup_all(among.iloc[:0], among).tolist() == []


def test_a_missing_name_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"c\.jpg"):
        lookup_all(pd.Series(["a.jpg", "c.jpg"], dtype="str"), pd.Series(["a.jpg"], dtype="str"))


def test_lookup_gives_minus_one_for_a_missing_name() -> None:
    names = pd.Series(["a.jpg", "c.jpg"], dtype="str")
    assert lookup(names, pd.Series(["b.jpg", "a.jpg"], dtype="str")).tolist() == [1, -1]


def test_only_the_rows_of_some_images_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facegender.files.parquet.ROWS_AT_ONCE", 3)  # the wanted rows lie in several row groups
    table = pd.DataFrame({"image": [f"{number}.jpg" for number in range(8)], "side": range(8), "more": 0})
    write(tmp_path / "table.parquet", table)
    names = pd.Series(["7.jpg", "0.jpg", "4.jpg", "0.jpg"], dtype="str")
    found = read_rows(tmp_path / "table.parquet", names, ["side"])
    assert found.columns.tolist() == ["side"]
    assert found["side"].tolist() == [7, 0, 4, 0]
    with pytest.raises(KeyError, match=r"8\.jpg"):
        read_rows(tmp_path / "table.parquet", pd.Series(["0.jpg", "8.jpg"], dtype="str"), ["side"])


def test_the_order_is_that_of_pandas() -> None:
    names = pd.Series([f"{number % 37}ü{number % 11}.jpg" for number in range(300)], dtype="str")
    assert np.array_equal(argsort_names(names), names.argsort(kind="stable").to_numpy())


def test_image_paths_follow_the_order_of_the_names() -> None:
    names = pd.Series(["a.jpg", "sub/b.jpg", "c.jpg"], dtype="str").iloc[1:]  # by position, whatever the index says
    files = ImagePaths(Path("images"), names)
    assert list(files) == ["images/sub/b.jpg", "images/c.jpg"]
    assert list(files[1:]) == ["images/c.jpg"]
    assert len(files) == 2
