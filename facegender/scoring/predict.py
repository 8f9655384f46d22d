"""Predict the class of single pictures and folders: `facegender predict`.

Imports nothing that loads slowly: pandas alone would take a third of the time to an answer.
"""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from facegender.decision.classes import read_classes
from facegender.decision.decision import DEFAULT_DECISION, Decision
from facegender.pictures.find import find_pictures
from facegender.scoring.score import score


class Prediction(NamedTuple):
    """The prediction for one picture.

    Attributes
    ----------
    label
        None if the picture could not be read.
    probability
        Probability of that label; NaN if the picture could not be read.
    positive
        Probability of the positive class; NaN if the picture could not be read.
    abstain
        True if the model should abstain.
    reason
        Why the picture could not be read, or None.
    """

    image: str
    label: str | None
    probability: float
    positive: float
    abstain: bool
    reason: str | None


def predict(model: Path, paths: Sequence[Path], decision: Decision | None = None) -> list[Prediction]:
    """Predict the class of each picture that `find_pictures` finds, in its order.

    Parameters
    ----------
    decision
        Views, calibration, threshold and abstention, as `evaluate` chose them. Without a decision the model's
        uncalibrated probability of one view is used, the threshold is 0.5, and the model never abstains.
    """
    files = find_pictures(paths)
    applied = decision or DEFAULT_DECISION
    scores = score(model, files, applied.views)
    classes = read_classes(model)
    answers = applied.answer(scores.probabilities)
    abstain = answers.abstain & scores.readable & (decision is not None)
    predictions = []
    for row, (file, reason) in enumerate(zip(files, scores.reasons, strict=True)):
        positive, is_positive = float(answers.probability[row]), bool(answers.positive[row])
        label = (classes.positive if is_positive else classes.negative) if reason is None else None
        probability = positive if is_positive else 1 - positive
        predictions.append(Prediction(str(file), label, probability, positive, bool(abstain[row]), reason))
    return predictions


def as_csv(predictions: Iterable[Prediction]) -> str:
    """Format as CSV: a header and one line for each picture; unknown values are empty."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Prediction._fields)
    for row in predictions:
        writer.writerow("" if value != value else value for value in row)  # NaN differs from itself
    return text.getvalue()


def as_rich(predictions: Iterable[Prediction]) -> Any:
    """Build the table for the terminal."""
    from rich.table import Table

    table = Table(caption="Gender as annotators would perceive it; not a statement about the person.")
    table.add_column("image", overflow="fold")
    table.add_column("class")
    table.add_column("probability", justify="right")
    for row in predictions:
        if row.reason is not None:
            table.add_row(row.image, "[red]unreadable[/red]", row.reason)
        elif row.label is None:
            table.add_row(row.image, "[yellow]abstained[/yellow]", f"{row.probability:.3f}")
        else:
            table.add_row(row.image, row.label, f"{row.probability:.3f}")
    return table
