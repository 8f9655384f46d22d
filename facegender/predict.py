"""Scoring single pictures and folders for a person: `facegender predict`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegender.calibration import Calibrator
from facegender.classes import read_classes
from facegender.conformal import abstains
from facegender.decision import Decision
from facegender.errors import UserError
from facegender.scoring import score

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"}


PLAIN = Decision(Calibrator("none"), threshold=0.5, error=1.0, quantile=1.0)


def find_pictures(paths: Sequence[Path]) -> list[Path]:
    """Files as they are; of folders, every picture in them and below, by name.

    Raises
    ------
    UserError
        A path does not exist, or a folder holds no picture.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
            if not found:
                raise UserError(str(path), "the folder must hold pictures", "none with a picture's suffix")
            files += found
        elif path.exists():
            files.append(path)
        else:
            raise UserError(str(path), "must be a picture or a folder of pictures", "nothing is there")
    return files


def predict(model: Path, paths: Sequence[Path], decision: Decision | None = None) -> pd.DataFrame:
    """Score pictures: columns image, label, probability (of that label), positive (probability), abstain, reason.

    `abstain` marks where the model had better not answer. A picture that cannot be read has no label, and a reason.

    Parameters
    ----------
    decision
        Views, calibration, threshold and abstention, as `evaluate` chose them; without one the model's own probability
        of one view counts, the threshold is 0.5, and nothing is abstained from.
    """
    files = find_pictures(paths)
    decided = decision or PLAIN
    scores = score(model, files, decided.views)
    classes = read_classes(model)
    positive = decided.calibrator.apply(scores.probabilities.astype(np.float64))
    is_positive = positive >= decided.threshold
    unread = np.isnan(positive)
    label = np.where(is_positive, classes.positive, classes.negative).astype(object)
    label[unread] = None
    return pd.DataFrame(
        {
            "image": [str(file) for file in files],
            "label": label,
            "probability": np.where(is_positive, positive, 1 - positive),
            "positive": positive,
            "abstain": abstains(positive, is_positive, decided.quantile) & ~unread & (decision is not None),
            "reason": scores.reasons,
        }
    )


def as_rich(table: pd.DataFrame) -> Any:
    """The table for a terminal."""
    from rich.table import Table

    shown = Table(caption="Perceived gender, as annotators would label it; not a statement about the person.")
    shown.add_column("image", overflow="fold")
    shown.add_column("class")
    shown.add_column("probability", justify="right")
    for row in table.to_dict("records"):
        if isinstance(row["reason"], str):  # a missing one is NaN
            shown.add_row(row["image"], "[red]not read[/red]", row["reason"])
        elif row["label"] is None:
            shown.add_row(row["image"], "[yellow]no answer[/yellow]", f"{row['probability']:.3f}")
        else:
            shown.add_row(row["image"], row["label"], f"{row['probability']:.3f}")
    return shown
