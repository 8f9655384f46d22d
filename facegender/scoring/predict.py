"""Scoring single pictures and folders for a person: `facegender predict`.

Nothing that it imports is slow to: pandas alone would take a third of the time to an answer.
"""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from facegender.decision.classes import read_classes
from facegender.decision.decision import PLAIN, Decision
from facegender.pictures.find import find_pictures
from facegender.scoring.score import score


class Prediction(NamedTuple):
    """What is said of one picture.

    Attributes
    ----------
    label
        None where the picture could not be read.
    probability, positive
        Of that label, and of the positive class; NaN where it could not be read.
    abstain
        The model had better not answer.
    reason
        Why it could not be read.
    """

    image: str
    label: str | None
    probability: float
    positive: float
    abstain: bool
    reason: str | None


def predict(model: Path, paths: Sequence[Path], decision: Decision | None = None) -> list[Prediction]:
    """Score pictures, one after the other as `find_pictures` finds them.

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
    answers = decided.answer(scores.probabilities)
    unsure = answers.abstain & (decision is not None)
    found = []
    for row, (file, reason) in enumerate(zip(files, scores.reasons, strict=True)):
        value, answer = float(answers.probability[row]), bool(answers.positive[row])
        label = (classes.positive if answer else classes.negative) if reason is None else None
        sure = value if answer else 1 - value
        found.append(Prediction(str(file), label, sure, value, bool(unsure[row]) and reason is None, reason))
    return found


def as_csv(predictions: Iterable[Prediction]) -> str:
    """A header and one line a picture; what is not known is left empty."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Prediction._fields)
    for row in predictions:
        writer.writerow("" if value != value else value for value in row)  # NaN is not itself
    return text.getvalue()


def as_rich(predictions: Iterable[Prediction]) -> Any:
    """The table for a terminal."""
    from rich.table import Table

    shown = Table(caption="Perceived gender, as annotators would label it; not a statement about the person.")
    shown.add_column("image", overflow="fold")
    shown.add_column("class")
    shown.add_column("probability", justify="right")
    for row in predictions:
        if row.reason is not None:
            shown.add_row(row.image, "[red]not read[/red]", row.reason)
        elif row.label is None:
            shown.add_row(row.image, "[yellow]no answer[/yellow]", f"{row.probability:.3f}")
        else:
            shown.add_row(row.image, row.label, f"{row.probability:.3f}")
    return shown
