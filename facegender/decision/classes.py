"""The two classes of a model, read from classes.json in its folder."""

from dataclasses import dataclass
from pathlib import Path

from facegender.files.json_files import read_json


@dataclass(frozen=True)
class Classes:
    """The labels of both classes, as written in train.csv.

    Attributes
    ----------
    negative, positive
        The model gives the probability of `positive`, the larger label in sorted order.
    label_dtype
        "int" or "str".
    positive_share
        Share of the training rows with the label `positive`, in [0, 1].

    Examples
    --------
    >>> Classes("female", "male", "str", positive_share=0.45).majority
    'female'
    """

    negative: str
    positive: str
    label_dtype: str
    positive_share: float

    @property
    def majority(self) -> str:
        """The label of most training rows. In a tie it is the positive one, as with a threshold of 0.5."""
        return self.positive if self.positive_share >= 0.5 else self.negative


def read_classes(model: Path) -> Classes:
    """Read classes.json in a model folder."""
    values = read_json(model / "classes.json")
    return Classes(
        str(values["negative"]), str(values["positive"]), str(values["label_dtype"]), float(values["positive_share"])
    )


def label_name(label: str) -> str:
    """A label in running text: a bare number, which says nothing without its column, becomes "class 1"."""
    return f"class {label}" if label.lstrip("-").isdigit() else label
