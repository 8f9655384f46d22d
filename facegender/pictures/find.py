"""Find picture files in folders, by suffix."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from facegender.errors import UserError

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})


def list_pictures(folder: Path) -> list[Path]:
    """List the picture files in a folder and its subfolders, sorted by path."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def find_pictures(paths: Sequence[Path]) -> list[Path]:
    """Replace each folder by the pictures in it and below, sorted by path; keep files, whatever their suffix.

    Raises
    ------
    UserError
        A path does not exist, or a folder holds no picture.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = list_pictures(path)
            if not found:
                raise UserError(str(path), "the folder must hold pictures", "no file with a picture's suffix")
            files += found
        elif path.exists():
            files.append(path)
        else:
            raise UserError(str(path), "must be a picture or a folder of pictures", "nothing is there")
    return files
