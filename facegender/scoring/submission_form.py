"""sample_submission.csv: the form that a submission takes, and the check of one against it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from facegender.data.tables import read_table
from facegender.decision.classes import Classes
from facegender.errors import UserError
from facegender.files.image_names import lookup_all

Form = Literal["labels", "probabilities"]


@dataclass(frozen=True)
class Sample:
    """The sample's cells as text, by row number of the file, and which column is which."""

    table: pd.DataFrame
    image_column: str
    label_column: str

    @property
    def images(self) -> "pd.Series[str]":
        return self.table[self.image_column]

    @property
    def placeholders(self) -> "pd.Series[str]":
        """What the label column holds, row by row."""
        return self.table[self.label_column]


def read_sample(path: Path, image_column: str, label_column: str) -> Sample:
    """Read the sample.

    Raises
    ------
    UserError
        It has other columns than the two: nobody could say what to write into them.
    """
    frame = read_table(path).frame
    if sorted(frame.columns) != sorted([image_column, label_column]):
        raise UserError(
            path.name,
            f"the columns must be {image_column} and {label_column}",
            ", ".join(frame.columns),
            "Name the two in params.yaml: data.image_column, data.label_column.",
        )
    return Sample(frame, image_column, label_column)


def check_sample(sample: Sample, test_images: "pd.Series[str]", classes: Classes, form: Form, name: str) -> None:
    """Refuse a sample that cannot be filled; `name` is the file's, for messages.

    Raises
    ------
    UserError
        An image twice, images that are not those of test.csv, or placeholders that contradict `submit.form`.
    """
    twice = sample.images.duplicated()
    odd = sample.images[twice | ~sample.images.isin(test_images)]
    if len(odd):
        row, image = odd.index[0], odd.iloc[0]
        expected = "each image must appear once" if twice.loc[row] else "the images must be those of test.csv"
        raise UserError(f"{name} row {row}", expected, image)
    absent = test_images[~test_images.isin(sample.images)]
    if len(absent):
        raise UserError(name, "every image of test.csv must have a row", f"no row for {absent.iloc[0]}")
    if form == "labels":
        label_texts(sample, classes, name)


def label_texts(sample: Sample, classes: Classes, name: str) -> dict[str, str]:
    """How the sample writes each label: as train.csv does or, for integers, as floats ("1.0" for "1").

    Raises
    ------
    UserError
        A placeholder is neither.
    """
    labels = (classes.negative, classes.positive)
    found = set(sample.placeholders.unique()) - {""}
    if found <= set(labels):
        return {label: label for label in labels}
    if classes.label_dtype == "int":
        floats = {label: f"{int(label)}.0" for label in labels}
        if found <= set(floats.values()):
            return floats
    row, odd = next((row, text) for row, text in sample.placeholders.items() if text not in (*labels, ""))
    raise UserError(
        f"{name} row {row}",
        f"{sample.label_column} must be {classes.negative}, {classes.positive} or empty",
        repr(odd),
        "If probabilities are wanted, set submit.form to probabilities in params.yaml.",
    )


def fill(sample: Sample, predicted: pd.DataFrame, classes: Classes, form: Form) -> pd.DataFrame:
    """The sample's table with predictions in its label column, joined by image, as text."""
    at = lookup_all(sample.images, predicted["image"])
    filled = sample.table.copy()
    if form == "labels":
        texts = label_texts(sample, classes, "the sample")
        filled[sample.label_column] = [texts[label] for label in predicted["label"].iloc[at]]
    else:
        # 9 digits hold a float32 exactly
        filled[sample.label_column] = [f"{value:.9g}" for value in predicted["probability"].iloc[at]]
    return filled


def check_submission(written: pd.DataFrame, sample: Sample, classes: Classes, form: Form) -> None:
    """Hold a submission, read back as text, against the sample.

    Raises
    ------
    ValueError
        It differs in columns, rows, images or their order, or holds what is no label or no probability.
    """
    if list(written.columns) != list(sample.table.columns):
        raise ValueError(f"columns must be {list(sample.table.columns)}. Received: {list(written.columns)}.")
    if not written[sample.image_column].array.equals(sample.images.array):
        raise ValueError("rows must be the sample's images, in its order.")
    cells = written[sample.label_column]
    if form == "labels":
        allowed = set(label_texts(sample, classes, "the sample").values())
        odd = sorted(set(cells) - allowed)
        if odd:
            raise ValueError(f"labels must be among {sorted(allowed)}. Received: {odd}.")
    elif not pd.to_numeric(cells, errors="coerce").between(0.0, 1.0).all():
        raise ValueError("probabilities must be numbers between 0 and 1.")
