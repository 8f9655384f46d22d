"""`facegender score`: what is new, scored by the champion and compared with what the champion was validated on.

Each scoring leaves a folder of its own, named by its date, whole or not at all: predictions.parquet, drift.json and
drift.svg. What has been scored is read off these folders: no other list can get out of step with them.
"""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from facegender.data.tables import read_table
from facegender.decision.classes import read_classes
from facegender.decision.decision import read_decision
from facegender.errors import UserError
from facegender.files.atomic import atomic_folder
from facegender.files.json_files import read_json, write_json
from facegender.files.layout import Layout
from facegender.params.sections import Params, ValidateParams
from facegender.pictures.decode import Undecodable, open_picture, resize
from facegender.pictures.find import list_pictures
from facegender.pictures.traits import SIDE, measure_light
from facegender.production.drift import Drift, find_drift
from facegender.production.drift_plot import drift_plot
from facegender.runtime.prefetch import prefetch
from facegender.runtime.progress import track
from facegender.scoring.reference import EMBEDDINGS, distances_of_rows, tabulate_measurements, read_reference
from facegender.scoring.score import score

PREDICTIONS: Final = "predictions.parquet"
DRIFT: Final = "drift.json"
PLOT: Final = "drift.svg"
MISSING: Final = "the file is missing"
NAN: Final = float("nan")


@dataclass(frozen=True)
class Candidate:
    """A file to score: its name in the table, where it lies, and the SHA-256 of its content, empty where it is not."""

    image: str
    path: Path
    sha256: str

    @property
    def key(self) -> str:
        """What it is known by: its content, or that it is missing."""
        return known_by(self.image, self.sha256)


def known_by(image: str, sha256: str) -> str:
    """The content's hash; a missing file, which may still come, has its name."""
    return sha256 or f"missing: {image}"


def score_new(layout: Layout, params: Params, date: str, again: bool) -> Path | None:
    """Score what is new; gives the folder that was written, None where nothing is new.

    Parameters
    ----------
    date
        Names the folder; a second scoring of a day gets -2.
    again
        Score files whose content has been scored before, too.

    Raises
    ------
    UserError
        No model has been promoted, or there is nothing to score at all.
    """
    champion = read_champion_record(layout.champion)
    source, files = candidates(layout, params)
    known = set() if again else scored_before(layout.scores)
    new = [file for file in files if file.key not in known]
    if not new:
        return None
    target = free_name(layout.scores, date)
    table, found, reference = score_files(layout.champion, new, params)
    table.insert(len(table.columns), "champion", champion["version"])
    facts = {
        "champion": champion["version"],
        "source": source,
        "files": len(files),
        "scored": int((table["status"] == "scored").sum()),
        "quarantined": int((table["status"] == "quarantined").sum()),
        "abstained": int(table["abstain"].sum()),
        "known": len(files) - len(new),
        "drifted": [row.quantity for row in found if row.drifted],
        "drift": [row.as_dict() for row in found],
    }
    with atomic_folder(target) as folder:
        table.to_parquet(folder / PREDICTIONS, index=False)
        write_json(folder / DRIFT, facts)
        (folder / PLOT).write_text(drift_plot(reference, table[table["status"] == "scored"]), encoding="utf-8")
    return target


def read_champion_record(folder: Path) -> dict[str, Any]:
    """champion.json of the promoted model.

    Raises
    ------
    UserError
        No model has been promoted.
    """
    path = folder / "champion.json"
    if not path.is_file():
        remedy = "Retrain: the first model becomes the champion; `python -m flows.champion list` shows the versions."
        raise UserError(str(folder), "a model must have been promoted", "no champion", remedy)
    return read_json(path)


def candidates(layout: Layout, params: Params) -> tuple[str, list[Candidate]]:
    """Where the files come from, in words, and all of them: the scoring folder's or, without one, test.csv's.

    Raises
    ------
    UserError
        There is neither.
    """
    folder = Path(params.score.folder)
    if folder.is_dir():
        named = [(path.relative_to(folder).as_posix(), path) for path in list_pictures(folder)]
        return f"{folder}/", hashed(named)
    if not (layout.test_csv.is_file() and layout.validation.is_file()):
        remedy = "Make it and put pictures there, or name another in params.yaml, score.folder."
        raise UserError(str(folder), "there must be a folder of pictures to score, or a test.csv", "neither", remedy)
    column = read_json(layout.validation)["image_column"]
    names = list(dict.fromkeys(read_table(layout.test_csv).frame[column].dropna()))
    inside = layout.images.resolve()
    for name in names:
        if not (inside / name).resolve().is_relative_to(inside):
            raise UserError(str(layout.test_csv), "names must stay below data/images", name)
    return str(layout.test_csv), hashed([(name, layout.images / name) for name in names])


def hashed(named: Sequence[tuple[str, Path]]) -> list[Candidate]:
    """The files with the hash of their content."""

    def look(pair: tuple[str, Path]) -> Candidate:
        name, path = pair
        if not path.is_file():
            return Candidate(name, path, "")
        with path.open("rb") as file:
            return Candidate(name, path, hashlib.file_digest(file, "sha256").hexdigest())

    found = []
    with track("hash", len(named), "files") as advance:
        for candidate in prefetch(look, named, os.cpu_count() or 1, ahead=64):
            found.append(candidate)
            advance(1)
    return found


def scored_before(scores: Path) -> set[str]:
    """The keys of all that earlier scorings have scored or set aside."""
    known: set[str] = set()
    for path in scores.glob(f"*/{PREDICTIONS}"):
        table = pd.read_parquet(path, columns=["image", "sha256"])
        known.update(map(known_by, table["image"], table["sha256"]))
    return known


def free_name(scores: Path, date: str) -> Path:
    """The date's folder, or the first of -2, -3, … that is not taken."""
    number = 1
    while (path := scores / (date if number == 1 else f"{date}-{number}")).exists():
        number += 1
    return path


def score_files(
    champion: Path, files: Sequence[Candidate], params: Params
) -> tuple[pd.DataFrame, list[Drift], pd.DataFrame]:
    """predictions.parquet of new files, how they have drifted, and the reference they were compared with.

    A content that several files share is scored once, and each of them gets its row.
    """
    decision, classes = read_decision(champion / "evaluation" / "decision.json"), read_classes(champion / "model")
    reference, embeddings = read_reference(champion / "evaluation")
    distinct = list({file.key: file for file in files}.values())
    looks = pd.DataFrame(look_at(distinct, params.validation), columns=["reason", "brightness", "shorter_side"])
    good = looks["reason"].isna()
    usable = [file.path for file, fine in zip(distinct, good, strict=True) if fine]
    with tempfile.TemporaryDirectory(prefix=".score.", dir=champion.parent) as scratch:
        vectors = Path(scratch) / EMBEDDINGS
        scores = score(champion / "model", usable, decision.views, embeddings=vectors)
        read = np.array([reason is None for reason in scores.reasons], dtype=bool)
        far = distances_of_rows(vectors, np.flatnonzero(read), embeddings)
    looks.loc[good, "reason"] = scores.reasons  # none, but for a file that has gone since
    good = looks["reason"].isna()
    seen = looks[good]
    answers = decision.answer(scores.probabilities[read])
    measured = tabulate_measurements(answers, far, seen["brightness"].to_numpy(), seen["shorter_side"].to_numpy())
    found = find_drift(reference, measured, len(distinct) - len(measured), params.score)
    measured.insert(1, "label", np.where(answers.positive, classes.positive, classes.negative).astype(object))
    rows = pd.DataFrame({"sha256": [file.sha256 for file in distinct], "place": range(len(distinct))})
    rows["status"] = np.where(good, "scored", "quarantined")
    rows["reason"] = looks["reason"].astype(object).where(~good, None)
    rows = rows.join(measured.set_index(seen.index))
    rows["abstain"] = rows["abstain"].eq(True)  # no answer where there is no picture is told by the status
    place_of = {file.key: place for place, file in enumerate(distinct)}
    every = pd.DataFrame({"image": [file.image for file in files]})
    every["place"] = [place_of[file.key] for file in files]
    return every.merge(rows, on="place", how="left", validate="m:1").drop(columns="place"), found, reference


def look_at(files: Sequence[Candidate], params: ValidateParams) -> list[tuple[str | None, float, float]]:
    """Why a file cannot be scored, by the rules of `validate`, or None; its brightness and shorter side in pixels."""

    def look(file: Candidate) -> tuple[str | None, float, float]:
        try:
            if file.path.stat().st_size > params.max_bytes:
                return f"{file.path.stat().st_size:,} bytes, more than max_bytes = {params.max_bytes}", NAN, NAN
            picture = open_picture(file.path, params.max_pixels)
        except FileNotFoundError:
            return MISSING, NAN, NAN
        except Undecodable as reason:
            return str(reason), NAN, NAN
        side = min(picture.size)
        if side < params.min_side:
            return f"a side of {side} pixels, less than min_side = {params.min_side}", NAN, NAN
        return None, float(measure_light(resize(picture, SIDE))[0]), side

    found = []
    with track("look", len(files), "images") as advance:
        for row in prefetch(look, files, os.cpu_count() or 1, ahead=64):
            found.append(row)
            advance(1)
    return found
