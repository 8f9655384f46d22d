"""Files and folders appear complete or not at all."""

import stat
from pathlib import Path

import pytest

from facegender.files.atomic import atomic_file, atomic_folder


def test_a_file_appears_when_the_block_succeeds(tmp_path: Path) -> None:
    target = tmp_path / "below" / "a.csv"
    with atomic_file(target) as path:
        path.write_text("new")
        assert not target.exists()
        assert path.suffix == ".csv"
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_after_an_error_only_the_old_file_is_there(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("old")

    def fails_half_way() -> None:
        with atomic_file(target) as path:
            path.write_text("half")
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        fails_half_way()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_other_users_can_read_the_file(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a") as path:
        path.write_text("x")
    (tmp_path / "plain").write_text("x")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_a_folder_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").touch()
    with atomic_folder(target) as folder:
        (folder / "new").touch()
        assert (target / "old").exists()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_after_an_error_the_old_folder_is_there(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").touch()

    def fails_half_way() -> None:
        with atomic_folder(target) as folder:
            (folder / "new").touch()
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        fails_half_way()
    assert [path.name for path in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]
