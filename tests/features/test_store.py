"""Row files are .npy files, and return what was written."""

from pathlib import Path

import numpy as np
import pytest

from facegender.errors import UserError
from facegender.features.store import FeatureStore
from facegender.files.float16_rows import Float16Rows


def test_rows_are_read_in_the_given_order(tmp_path: Path) -> None:
    file = Float16Rows.create(tmp_path / "rows.npy", 5, (2, 3))
    for row in range(5):
        file.write(row, np.full((2, 3), row + 0.5, np.float32))
    assert file.read(np.array([4, 0, 4]))[:, 0, 0].tolist() == [4.5, 0.5, 4.5]
    file.close()


def test_numpy_opens_the_file(tmp_path: Path) -> None:
    file = Float16Rows.create(tmp_path / "rows.npy", 3, (4,))
    file.write(1, np.array([1.0, 2.0, 3.0, 65504.0]))
    file.flush()
    file.close()
    array = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert array.dtype == np.float16
    assert array.tolist() == [[0] * 4, [1, 2, 3, 65504], [0] * 4]


def test_a_row_beyond_the_end_is_an_error(tmp_path: Path) -> None:
    file = Float16Rows.create(tmp_path / "rows.npy", 3, (4,))
    with pytest.raises(EOFError, match="ends before row 3"):
        file.read(np.array([3]))
    file.close()


def test_missing_features_name_the_command_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Run `facegender features`"):
        FeatureStore(tmp_path)


@pytest.mark.parametrize("value", [65520.0, float("nan")])  # from 65520 on a float16 rounds to infinity
def test_values_that_float16_cannot_hold_are_refused(value: float, tmp_path: Path) -> None:
    file = Float16Rows.create(tmp_path / "rows.npy", 1, (2,))
    with pytest.raises(UserError, match="must output values between -65,504 and 65,504"):
        file.write(0, np.array([1.0, value]))
    file.close()
