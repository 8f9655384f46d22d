"""Which rows train, and which validate."""

import pandas as pd

from facegender.inputs import _rows
from facegender.params import TrainParams


def test_a_holdout_row_neither_trains_nor_validates() -> None:
    table = pd.DataFrame({"label": list("011110"), "fold": [-1, 0, -2, -1, -2, 0]})
    train, validation = _rows(table, "1", TrainParams(class_weights=True))
    assert train.rows.tolist() == [0, 3]
    assert validation.rows.tolist() == [1, 5]
    assert train.labels.tolist() == [0.0, 1.0]
    assert train.weights.tolist() == [1.0, 1.0]  # the class's share counts training rows alone
