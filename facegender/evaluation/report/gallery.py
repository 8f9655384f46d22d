"""The gallery: the faces that a person should see besides the figures."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd

from facegender.evaluation.gradcam import Explainer, overlay
from facegender.pictures.decode import open_picture
from facegender.pictures.thumbnail import thumbnail
from facegender.statistics.intervals import IntArray
from facegender.statistics.metrics import JudgedRows

EACH: Final = 20  # pictures of each kind

Kind = Literal["wrong", "uncertain", "right"]


@dataclass(frozen=True)
class Face:
    """One face of the gallery; `picture` and `heat` are data URIs, so that the page needs no other file."""

    image: str
    label: str
    predicted: str
    probability: float  # of the positive class
    picture: str
    heat: str | None = None  # laid over the picture, it shows which regions supported the answer

    @property
    def correct(self) -> bool:
        return self.label == self.predicted


def choose_faces(
    rows: JudgedRows, threshold: float, rng: np.random.Generator, each: int = EACH
) -> dict[Kind, IntArray]:
    """Choose the most confident errors, the least certain rows, and random correct ones; no row twice.

    Confidence is the distance of the probability from the threshold. Gives positions in `rows`.
    """
    distance = np.abs(rows.probabilities - threshold)
    correct = rows.positive == rows.predicted
    wrong = np.flatnonzero(~correct)
    wrong = wrong[np.argsort(-distance[wrong], kind="stable")][:each]
    free = np.setdiff1d(np.arange(len(rows)), wrong)
    uncertain = free[np.argsort(distance[free], kind="stable")][:each]
    right = np.setdiff1d(np.flatnonzero(correct), uncertain)
    drawn = np.sort(rng.choice(right, size=min(each, len(right)), replace=False))
    return {"wrong": wrong, "uncertain": uncertain, "right": drawn}


def make_gallery(predictions: pd.DataFrame, chosen: dict[Kind, IntArray], images: Path) -> dict[Kind, list[Face]]:
    """Make the faces of the chosen rows of predictions.parquet, with their thumbnails."""
    return {kind: [_shown(predictions.iloc[row], images) for row in rows] for kind, rows in chosen.items()}


def add_heat_maps(
    shown: dict[Kind, list[Face]], explain: Explainer, images: Path, positive: str
) -> dict[Kind, list[Face]]:
    """Add to each face the regions that supported its answer; `positive` is the label of the positive class."""
    faces = [face for kind in shown.values() for face in kind]
    maps = iter(explain([images / face.image for face in faces])) if faces else iter(())

    def heated(face: Face) -> Face:
        size = open_picture(images / face.image).size
        return replace(face, heat=overlay(next(maps), face.predicted == positive, size))

    return {kind: [heated(face) for face in some] for kind, some in shown.items()}


def _shown(row: pd.Series, images: Path) -> Face:
    name = str(row["image"])
    return Face(name, str(row["label"]), str(row["predicted"]), float(row["probability"]), thumbnail(images / name))
