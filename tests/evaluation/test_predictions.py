import numpy as np
import pandas as pd
import pytest

from facegender.decision.classes import Classes
from facegender.errors import UserError
from facegender.evaluation.predictions import judged_rows, read_evaluated


def test_judged_rows_are_the_arrays_of_a_table():
    table = pd.DataFrame(
        {"label": ["m", "f"], "predicted": ["m", "m"], "probability": np.float32([0.75, 0.5]), "group": [4, 9]}
    )
    rows = judged_rows(table, Classes("f", "m", "str", 0.5))
    assert rows.positive.tolist() == [True, False]
    assert rows.predicted.tolist() == [True, True]
    assert rows.probabilities.tolist() == [0.75, 0.5]
    assert rows.groups.tolist() == [4, 9]


def test_a_model_that_was_not_evaluated_is_refused(tmp_path):
    with pytest.raises(UserError, match="must be a model that was evaluated"):
        read_evaluated(tmp_path)
