"""Pictures in files and folders that a user names."""

from pathlib import Path

import pytest

from facegender.errors import UserError
from facegender.pictures.find import find_pictures, list_pictures


def test_pictures_of_a_folder_and_its_subfolders_are_found_by_suffix(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "album.png").mkdir()
    for name in ("b.JPG", "below/a.png", "notes.txt"):
        (tmp_path / name).touch()
    assert list_pictures(tmp_path) == [tmp_path / "b.JPG", tmp_path / "below/a.png"]
    assert find_pictures([tmp_path]) == list_pictures(tmp_path)
    assert find_pictures([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]  # named by the user, so it is tried


def test_missing_paths_and_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing is there"):
        find_pictures([tmp_path / "absent"])
    with pytest.raises(UserError, match="must hold pictures"):
        find_pictures([tmp_path])
