"""The two labels of a model, as classes.json beside it states them."""

from dataclasses import dataclass
from pathlib import Path

from facegender.files.json_files import read_json


@dataclass(frozen=True)
class Classes:
    """The labels as they stand in train.csv.

    Attributes
    ----------
    negative, positive
        The model gives the probability of `positive`, the larger label in sorted order.
    label_dtype
        "int" or "str".
    positive_share
        Of the training rows, in [0, 1].
    """

    negative: str
    positive: str
    label_dtype: str
    positive_share: float

    @property
    def majority(self) -> str:
        """The label that more training rows have; of a tie, the positive one, as a threshold of 0.5 has it."""
        return self.positive if self.positive_share >= 0.5 else self.negative


def read_classes(model: Path) -> Classes:
    """The mapping beside a saved model."""
    values = read_json(model / "classes.json")
    return Classes(
        str(values["negative"]), str(values["positive"]), str(values["label_dtype"]), float(values["positive_share"])
    )


def label_name(label: str) -> str:
    """A label in running text: a bare number, which says nothing without its column, becomes "class 1"."""
    return f"class {label}" if label.lstrip("-").isdigit() else label
