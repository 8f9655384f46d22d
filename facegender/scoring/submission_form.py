"""Read sample_submission.csv, the form of a submission; fill it in, and check the result against it."""

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
class SampleSubmission:
    """The cells of sample_submission.csv as text, indexed by row number in the file, and the names of its columns."""

    table: pd.DataFrame
    image_column: str
    label_column: str

    @property
    def images(self) -> "pd.Series[str]":
        return self.table[self.image_column]

    @property
    def placeholders(self) -> "pd.Series[str]":
        """The cells of the label column."""
        return self.table[self.label_column]


def read_sample(path: Path, image_column: str, label_column: str) -> SampleSubmission:
    """Read sample_submission.csv.

    Raises
    ------
    UserError
        It has other columns than these two, so it is unclear what to write into them.
    """
    frame = read_table(path).frame
    if sorted(frame.columns) != sorted([image_column, label_column]):
        raise UserError(
            path.name,
            f"the columns must be {image_column} and {label_column}",
            ", ".join(frame.columns),
            "Name the two in params.yaml: data.image_column, data.label_column.",
        )
    return SampleSubmission(frame, image_column, label_column)


def check_sample(
    sample: SampleSubmission, test_images: "pd.Series[str]", classes: Classes, form: Form, name: str
) -> None:
    """Check that the sample can be filled in; `name` is its file name, for messages.

    Raises
    ------
    UserError
        It has an image twice or images other than those of test.csv, or its placeholders contradict `submit.form`.
    """
    repeated = sample.images.duplicated()
    wrong = sample.images[repeated | ~sample.images.isin(test_images)]
    if len(wrong):
        row, image = wrong.index[0], wrong.iloc[0]
        expected = "each image must appear once" if repeated.loc[row] else "the images must be those of test.csv"
        raise UserError(f"{name} row {row}", expected, image)
    missing = test_images[~test_images.isin(sample.images)]
    if len(missing):
        raise UserError(name, "every image of test.csv must have a row", f"no row for {missing.iloc[0]}")
    if form == "labels":
        label_texts(sample, classes, name)


def label_texts(sample: SampleSubmission, classes: Classes, name: str) -> dict[str, str]:
    """Find how the sample writes each label: as train.csv does or, for integers, perhaps as floats ("1.0" for "1").

    Raises
    ------
    UserError
        A placeholder is not a label in either form.
    """
    labels = (classes.negative, classes.positive)
    found = set(sample.placeholders.unique()) - {""}
    if found <= set(labels):
        return {label: label for label in labels}
    if classes.label_dtype == "int":
        floats = {label: f"{int(label)}.0" for label in labels}
        if found <= set(floats.values()):
            return floats
    row, wrong = next((row, text) for row, text in sample.placeholders.items() if text not in (*labels, ""))
    raise UserError(
        f"{name} row {row}",
        f"{sample.label_column} must be {classes.negative}, {classes.positive} or empty",
        repr(wrong),
        "To submit probabilities, set submit.form to probabilities in params.yaml.",
    )


def fill_sample(sample: SampleSubmission, predicted: pd.DataFrame, classes: Classes, form: Form) -> pd.DataFrame:
    """Fill in the label column with predictions as text, joined by image."""
    rows = lookup_all(sample.images, predicted["image"])
    filled = sample.table.copy()
    if form == "labels":
        texts = label_texts(sample, classes, "the sample")
        filled[sample.label_column] = [texts[label] for label in predicted["label"].iloc[rows]]
    else:
        # 9 digits hold a float32 exactly
        filled[sample.label_column] = [f"{value:.9g}" for value in predicted["probability"].iloc[rows]]
    return filled


def check_submission(written: pd.DataFrame, sample: SampleSubmission, classes: Classes, form: Form) -> None:
    """Check a submission, read back as text, against the sample.

    Raises
    ------
    ValueError
        It differs in columns, rows, images or their order, or a cell is not a label or not a probability.
    """
    if list(written.columns) != list(sample.table.columns):
        raise ValueError(f"columns must be {list(sample.table.columns)}. Received: {list(written.columns)}.")
    if not written[sample.image_column].array.equals(sample.images.array):
        raise ValueError("rows must be the sample's images, in its order.")
    cells = written[sample.label_column]
    if form == "labels":
        allowed = set(label_texts(sample, classes, "the sample").values())
        wrong = sorted(set(cells) - allowed)
        if wrong:
            raise ValueError(f"labels must be among {sorted(allowed)}. Received: {wrong}.")
    elif not pd.to_numeric(cells, errors="coerce").between(0.0, 1.0).all():
        raise ValueError("probabilities must be numbers between 0 and 1.")
