"""What lies in the images folder beside what the CSVs name."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from facegender.data.tables import STRINGS_AT_ONCE, hash_names

SOME = 20


def files_without_a_row(folder: Path, names: "pd.Series[str]") -> tuple[int, list[str]]:
    """How many, and the first few in sorted order; hidden files do not count."""
    listed = np.sort(hash_names(names))
    count, some = 0, list[str]()
    for chunk in _names_below(folder):
        hashes = hash_names(pd.Series(chunk, dtype="str"))
        place = np.minimum(np.searchsorted(listed, hashes), len(listed) - 1)
        missing = [name for name, known in zip(chunk, listed[place] == hashes, strict=True) if not known]
        count += len(missing)
        some = sorted([*some, *missing])[:SOME]
    return count, some


def _names_below(folder: Path, below: str = "") -> Iterator[list[str]]:
    chunk: list[str] = []
    folders: list[str] = []
    with os.scandir(folder / below) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
                continue
            chunk.append(below + entry.name)
            if len(chunk) == STRINGS_AT_ONCE:
                yield chunk
                chunk = []
    if chunk:
        yield chunk
    for name in sorted(folders):
        yield from _names_below(folder, f"{below}{name}/")
