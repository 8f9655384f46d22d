"""`facegender score`: score new pictures with the champion and compare them with its validation rows.

Each run writes one folder, named by its date, complete or not at all: predictions.parquet, drift.json and drift.svg.
These folders are also the only record of what has been scored, so no second list can disagree with them.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.decision.classes import read_classes
from facegender.decision.decision import read_decision
from facegender.errors import UserError
from facegender.files.atomic import atomic_folder
from facegender.files.float16_rows import Float16Array
from facegender.files.json_files import read_json, write_json
from facegender.files.layout import Layout
from facegender.params.sections import Params, ValidateParams
from facegender.pictures.decode import Undecodable, open_picture, resize
from facegender.pictures.traits import SIDE, measure_light
from facegender.production.candidates import PREDICTIONS, Candidate, list_candidates, read_scored_keys
from facegender.production.drift import Drift, find_drift
from facegender.production.drift_plot import plot_drift
from facegender.runtime.prefetch import prefetch
from facegender.runtime.progress import track
from facegender.scoring.reference import EMBEDDINGS, distances_of_rows, read_reference, tabulate_measurements
from facegender.scoring.score import Scores, score

DRIFT: Final = "drift.json"
PLOT: Final = "drift.svg"
MISSING: Final = "the file is missing"
NAN: Final = float("nan")


def score_new(layout: Layout, params: Params, date: str, again: bool) -> Path | None:
    """Score the new files; return the folder that was written, or None if no file is new.

    Parameters
    ----------
    date
        Name of the folder; the second run of a day gets the suffix -2.
    again
        Also score files whose content has been scored before.

    Raises
    ------
    UserError
        No model has been promoted, or there is no source of files to score.
    """
    champion = read_champion_record(layout.champion)
    source, files = list_candidates(layout, Path(params.score.folder))
    known = set() if again else read_scored_keys(layout.scores)
    new = [file for file in files if file.key not in known]
    if not new:
        return None
    target = unused_folder(layout.scores, date)
    table, drift, reference = score_files(layout.champion, new, params)
    table.insert(len(table.columns), "champion", champion["version"])
    facts = {
        "champion": champion["version"],
        "source": source,
        "files": len(files),
        "scored": int((table["status"] == "scored").sum()),
        "quarantined": int((table["status"] == "quarantined").sum()),
        "abstained": int(table["abstain"].sum()),
        "known": len(files) - len(new),
        "drifted": [row.quantity for row in drift if row.drifted],
        "drift": [row.as_dict() for row in drift],
    }
    with atomic_folder(target) as folder:
        table.to_parquet(folder / PREDICTIONS, index=False)
        write_json(folder / DRIFT, facts)
        (folder / PLOT).write_text(plot_drift(reference, table[table["status"] == "scored"]), encoding="utf-8")
    return target


def read_champion_record(folder: Path) -> dict[str, Any]:
    """Read champion.json of the promoted model.

    Raises
    ------
    UserError
        No model has been promoted.
    """
    path = folder / "champion.json"
    if not path.is_file():
        remedy = "Retrain: the first model becomes the champion. `python -m flows.champion list` shows the versions."
        raise UserError(str(folder), "a model must have been promoted", "no champion", remedy)
    return read_json(path)


def unused_folder(scores: Path, date: str) -> Path:
    """Return the path of the date's folder or, if it exists, the first of -2, -3, … that does not."""
    number = 1
    while (path := scores / (date if number == 1 else f"{date}-{number}")).exists():
        number += 1
    return path


def score_files(
    champion: Path, files: Sequence[Candidate], params: Params
) -> tuple[pd.DataFrame, list[Drift], pd.DataFrame]:
    """Score files and compare them with the champion's validation rows.

    Files with the same content are scored once, and each gets its own row.

    Returns
    -------
    predictions.parquet, the drift of each quantity, and the reference table.
    """
    decision, classes = read_decision(champion / "evaluation" / "decision.json"), read_classes(champion / "model")
    reference, reference_embeddings = read_reference(champion / "evaluation")
    distinct = list({file.key: file for file in files}.values())
    rows = inspect_files(distinct, params.validation)
    usable = rows["reason"].isna()
    paths = [file.path for file, fine in zip(distinct, usable, strict=True) if fine]
    scores, distances = _score_with_distances(champion, paths, decision.views, reference_embeddings)
    rows.loc[usable, "reason"] = scores.reasons  # a file may have been deleted after its inspection
    scored = rows["reason"].isna()
    answers = decision.answer(scores.probabilities[scores.readable])
    light, sides = (rows.loc[scored, name].to_numpy() for name in ("brightness", "shorter_side"))
    measured = tabulate_measurements(answers, distances, light, sides)
    drift = find_drift(reference, measured, len(distinct) - len(measured), params.score)
    measured.insert(1, "label", np.where(answers.positive, classes.positive, classes.negative).astype(object))
    table = pd.DataFrame({"sha256": [file.sha256 for file in distinct]})
    table["status"] = np.where(scored, "scored", "quarantined")
    table["reason"] = rows["reason"].astype(object).where(~scored, None)
    table = table.join(measured.set_index(rows.index[scored]))
    table["abstain"] = table["abstain"].eq(True)  # False for a quarantined file: its status says why it has no answer
    return _one_row_per_file(table, distinct, files), drift, reference


def _score_with_distances(
    champion: Path, paths: Sequence[Path], views: int, reference: Float16Array
) -> tuple[Scores, npt.NDArray[np.float64]]:
    """Score pictures; also return the embedding distance of each readable one to `reference`: float64 (n readable,)."""
    with tempfile.TemporaryDirectory(prefix=".score.", dir=champion.parent) as scratch:
        embeddings = Path(scratch) / EMBEDDINGS
        scores = score(champion / "model", paths, views, embeddings=embeddings)
        return scores, distances_of_rows(embeddings, np.flatnonzero(scores.readable), reference)


def _one_row_per_file(table: pd.DataFrame, distinct: Sequence[Candidate], files: Sequence[Candidate]) -> pd.DataFrame:
    """Repeat the row of each distinct content for every file that has it, with the column image first."""
    row_of = {file.key: row for row, file in enumerate(distinct)}
    repeated = table.iloc[[row_of[file.key] for file in files]].reset_index(drop=True)
    repeated.insert(0, "image", [file.image for file in files])
    return repeated


def inspect_files(files: Sequence[Candidate], params: ValidateParams) -> pd.DataFrame:
    """Apply the rules of `validate` to each file, and measure the files that pass.

    Returns
    -------
    A row for each file: reason (why it cannot be scored, or None), brightness, shorter_side (pixels); both are NaN if
    there is a reason.
    """

    def inspect(file: Candidate) -> tuple[str | None, float, float]:
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
    with track("inspect", len(files), "images") as advance:
        for row in prefetch(inspect, files, os.cpu_count() or 1, ahead=64):
            found.append(row)
            advance(1)
    return pd.DataFrame(found, columns=["reason", "brightness", "shorter_side"])
