"""The files that `facegender score` may score, and which of them earlier runs have scored.

The SHA-256 of its content identifies a file. A renamed file or a copy is therefore not scored again.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from facegender.data.tables import read_table
from facegender.errors import UserError
from facegender.files.json_files import read_json
from facegender.files.layout import Layout
from facegender.pictures.find import list_pictures
from facegender.runtime.prefetch import prefetch
from facegender.runtime.progress import track

PREDICTIONS: Final = "predictions.parquet"


@dataclass(frozen=True)
class Candidate:
    """A file that may be scored.

    Attributes
    ----------
    image
        Its name in predictions.parquet.
    sha256
        Hex digest of its content; empty if the file is missing.
    """

    image: str
    path: Path
    sha256: str

    @property
    def key(self) -> str:
        """What identifies the file; see `content_key`."""
        return content_key(self.image, self.sha256)


def content_key(image: str, sha256: str) -> str:
    """Return the hash of the content or, for a missing file, its name: it is scored when it appears."""
    return sha256 or f"missing: {image}"


def list_candidates(layout: Layout, folder: Path) -> tuple[str, list[Candidate]]:
    """List the pictures in `folder` and below; if there is no such folder, the images of test.csv.

    Returns
    -------
    The source, for messages: the folder or test.csv. Then its files, hashed.

    Raises
    ------
    UserError
        There is neither a folder nor a validated test.csv, or test.csv names a file outside data/images.
    """
    if folder.is_dir():
        named = [(path.relative_to(folder).as_posix(), path) for path in list_pictures(folder)]
        return f"{folder}/", hash_files(named)
    if not (layout.test_csv.is_file() and layout.validation.is_file()):
        remedy = "Create it and put pictures there, or name another folder in params.yaml, score.folder."
        raise UserError(str(folder), "there must be a folder of pictures to score, or a test.csv", "neither", remedy)
    column = read_json(layout.validation)["image_column"]
    names = list(dict.fromkeys(read_table(layout.test_csv).frame[column].dropna()))
    images = layout.images.resolve()
    for name in names:
        if not (images / name).resolve().is_relative_to(images):
            raise UserError(str(layout.test_csv), "names must stay below data/images", name)
    return str(layout.test_csv), hash_files([(name, layout.images / name) for name in names])


def hash_files(named: Sequence[tuple[str, Path]]) -> list[Candidate]:
    """Hash the content of each file, given as (name, path)."""

    def hash_file(pair: tuple[str, Path]) -> Candidate:
        name, path = pair
        if not path.is_file():
            return Candidate(name, path, "")
        with path.open("rb") as file:
            return Candidate(name, path, hashlib.file_digest(file, "sha256").hexdigest())

    candidates = []
    with track("hash", len(named), "files") as advance:
        for candidate in prefetch(hash_file, named, os.cpu_count() or 1, ahead=64):
            candidates.append(candidate)
            advance(1)
    return candidates


def read_scored_keys(scores: Path) -> set[str]:
    """Read the keys of all files that earlier runs have scored or quarantined."""
    keys: set[str] = set()
    for path in scores.glob(f"*/{PREDICTIONS}"):
        table = pd.read_parquet(path, columns=["image", "sha256"])
        keys.update(map(content_key, table["image"], table["sha256"]))
    return keys
