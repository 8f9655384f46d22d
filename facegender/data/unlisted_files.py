"""Files in the images folder that no CSV file names."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from facegender.data.tables import STRINGS_AT_ONCE, hash_names

MAX_EXAMPLES = 20  # names returned


def find_unlisted_files(folder: Path, names: "pd.Series[str]") -> tuple[int, list[str]]:
    """Count the files below `folder` that are not among `names`, and list the first few in sorted order.

    Hidden files do not count.
    """
    listed = np.sort(hash_names(names))
    count, some = 0, list[str]()
    for chunk in _walk_names(folder):
        hashes = hash_names(pd.Series(chunk, dtype="str"))
        place = np.minimum(np.searchsorted(listed, hashes), len(listed) - 1)
        missing = [name for name, known in zip(chunk, listed[place] == hashes, strict=True) if not known]
        count += len(missing)
        some = sorted([*some, *missing])[:MAX_EXAMPLES]
    return count, some


def _walk_names(folder: Path, below: str = "") -> Iterator[list[str]]:
    """Yield the names of all files below `folder`, in lists of at most STRINGS_AT_ONCE."""
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
        yield from _walk_names(folder, f"{below}{name}/")
