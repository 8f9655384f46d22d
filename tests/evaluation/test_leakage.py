import numpy as np
import pandas as pd

from facegender.evaluation.leakage import find_copies, measure_without_copies
from facegender.statistics.metrics import JudgedRows

NONE = pd.Series([], dtype="int64")  # no test image


def test_copies_are_found_in_training_in_test_and_among_themselves():
    predictions = pd.DataFrame({"image": list("abcde"), "group": [1, 2, 2, 3, 4]})
    splits = pd.DataFrame(
        {"image": list("abcdefg"), "group": [1, 2, 2, 3, 4, 1, 4], "fold": [0, 0, 0, 0, 0, -1, -2]}
    )  # g is a holdout row, so e has no copy in training
    found = find_copies(predictions, splits, in_test=pd.Series([3]))
    assert found.in_training.tolist() == [True, False, False, False, False]
    assert found.in_test.tolist() == [False, False, False, True, False]
    assert found.repeated.tolist() == [False, False, True, False, False]
    assert found.alone.tolist() == [False, True, False, False, True]


def test_for_a_holdout_the_rows_that_chose_the_epoch_count_as_training():
    predictions = pd.DataFrame({"image": ["a"], "group": [1]})
    splits = pd.DataFrame({"image": ["a", "b"], "group": [1, 1], "fold": [-2, 0]})
    assert find_copies(predictions, splits, NONE).in_training.tolist() == [True]


def test_scores_without_copies_by_hand():
    splits = pd.DataFrame({"image": list("abcd"), "group": [1, 2, 3, 1], "fold": [0, 0, 0, -1]})
    copies = find_copies(splits[:3], splits, NONE)
    rows = JudgedRows(
        np.array([True, True, False]), np.array([0.9, 0.8, 0.6]), np.array([True, True, True]), np.array([1, 2, 3])
    )
    found = measure_without_copies(rows, copies, 5, 20, np.random.default_rng(0))
    assert (found["in_training"], found["in_test"], found["repeated"]) == (1, 0, 0)
    # b is right and c is not; their probabilities are in the right order
    assert found["without"]["accuracy"]["value"] == 0.5
    assert found["without"]["accuracy"]["n"] == 2
    assert found["without"]["roc_auc"]["value"] == 1.0


def test_where_every_row_has_a_copy_there_are_no_scores_without():
    splits = pd.DataFrame({"image": list("abc"), "group": [1, 1, 1], "fold": [0, 0, -1]})
    copies = find_copies(splits[:2], splits, NONE)
    rows = JudgedRows(np.array([True, False]), np.array([0.9, 0.2]), np.array([True, False]), np.array([1, 1]))
    found = measure_without_copies(rows, copies, 5, 20, np.random.default_rng(0))
    assert found["in_training"] == 2
    assert found["without"]["accuracy"] == {"value": None, "low": None, "high": None, "n": 0}
