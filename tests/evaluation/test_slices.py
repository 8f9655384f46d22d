import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, recall_score

from facegender.errors import UserError
from facegender.evaluation.slices import MISSING, assign_slices, break_down, count_cases, cross_columns
from facegender.statistics.metrics import Confusion, JudgedRows


def rows_of(correct, positive=None):
    correct = np.asarray(correct, bool)
    positive = np.ones(len(correct), bool) if positive is None else np.asarray(positive, bool)
    return JudgedRows(positive, np.full(len(correct), 0.5), positive == correct, np.arange(len(correct)))


def break_down_age(values, correct, minimum=1, positive=None):
    table = pd.DataFrame({"age": values})
    return break_down(table, rows_of(correct, positive), minimum, 50, np.random.default_rng(0))


def test_figures_by_hand():
    # a: one hit and one miss on positive rows, one hit on a negative row; b: one miss
    (found,) = break_down_age(["a", "b", "a", "a"], [True, False, True, False], minimum=2, positive=[1, 1, 0, 1])
    a, b = found.slices
    assert (a.value, a.accuracy.value, a.accuracy.n, a.enough) == ("a", 2 / 3, 3, True)
    assert (a.negative_recall.value, a.positive_recall.value) == (1.0, 0.5)
    assert (b.accuracy.value, b.accuracy.n, b.enough, b.negative_recall.value) == (0.0, 1, False, None)
    assert found.gap is None  # only one slice is large enough


def test_each_slice_counts_its_own_four_cases():
    # label, answer: slice a has 1 TP, 2 FP, 3 FN, 4 TN; slice b has one FN; slice c one TP and one TN
    cases = [(0, 1, 1)] + 2 * [(0, 0, 1)] + 3 * [(0, 1, 0)] + 4 * [(0, 0, 0)] + [(1, 1, 0), (2, 1, 1), (2, 0, 0)]
    member, label, answer = np.array(cases[::-1]).T
    rows = JudgedRows(label.astype(bool), np.full(len(label), 0.5), answer.astype(bool), np.arange(len(label)))
    a, b, c = count_cases(member, rows, 3)
    assert a == Confusion(true_positive=1, false_positive=2, false_negative=3, true_negative=4)
    assert b == Confusion(true_positive=0, false_positive=0, false_negative=1, true_negative=0)
    assert c == Confusion(true_positive=1, false_positive=0, false_negative=0, true_negative=1)


def test_figures_and_gap_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    values = rng.choice(["a", "b", "c"], 300)
    rows = JudgedRows(rng.random(300) < 0.4, rng.random(300), rng.random(300) < 0.6, np.arange(300))
    (found,) = break_down(pd.DataFrame({"age": values}), rows, 10, 50, rng)
    accuracies = []
    for row in found.slices:
        label, answer = rows.positive[values == row.value], rows.predicted[values == row.value]
        accuracies.append(accuracy_score(label, answer))
        assert (row.accuracy.value, row.accuracy.n) == (pytest.approx(accuracies[-1]), len(label))
        assert row.positive_recall.value == pytest.approx(recall_score(label, answer))
        assert row.negative_recall.value == pytest.approx(recall_score(label, answer, pos_label=0))
    assert [row.value for row in found.slices] == ["a", "b", "c"]
    assert found.gap.gap.value == pytest.approx(max(accuracies) - min(accuracies))


def test_the_gap_is_between_slices_large_enough():
    values = ["few"] * 2 + ["low"] * 10 + ["high"] * 10
    (found,) = break_down_age(values, [False] * 2 + [True] * 3 + [False] * 7 + [True] * 9 + [False], minimum=5)
    assert (found.compared[found.gap.worst].value, found.compared[found.gap.best].value) == ("low", "high")
    assert found.gap.gap.value == pytest.approx(0.6)
    assert found.gap.gap.n == 20


def test_values_are_in_their_natural_order():
    (found,) = break_down_age(["70+", "10-19", "3-9", "", "more than 80", "0-2"], [True] * 6)
    assert [row.value for row in found.slices] == ["0-2", "3-9", "10-19", "70+", "more than 80", MISSING]
    (found,) = break_down_age(["²", "9"], [True] * 2)  # "²" is a digit, but not a number
    assert [row.value for row in found.slices] == ["9", "²"]


def test_many_numbers_are_cut_into_quarters():
    (found,) = break_down_age([str(number) for number in range(1, 101)], [True] * 100)
    assert [(row.value, row.accuracy.n) for row in found.slices] == [
        ("below 25.8", 25),
        ("25.8 to 50.5", 25),
        ("50.5 to 75.2", 25),
        ("75.2 and more", 25),
    ]


@pytest.mark.parametrize("values", [[f"person {number}" for number in range(21)], ["same"] * 21])
def test_columns_that_make_no_slices_are_left_out(values):
    assert break_down_age(values, [True] * 21) == []


def test_two_columns_are_crossed_on_request():
    table = pd.DataFrame({"age": ["old", "young", None], "race": ["x", "y", "y"]})
    crossed = cross_columns(table, [("age", "race")], "attributes.csv")
    assert crossed["age × race"].tolist() == ["old, x", "young, y", f"{MISSING}, y"]
    assert list(cross_columns(table, [], "attributes.csv").columns) == ["age", "race"]


def test_rows_are_assigned_to_slices_that_are_large_enough():
    values = pd.Series(["old", None, "young", "old", "rare", "young", None])
    assert assign_slices(values, 2).tolist() == [0, -1, 2, 0, -1, 2, -1]  # old, rare, young, in that order
    assert assign_slices(pd.Series([f"person {number}" for number in range(21)]), 1).tolist() == [-1] * 21


def test_crossing_a_missing_column_is_refused():
    with pytest.raises(UserError, match=r"evaluate.two_way: must name columns of a.csv: age. Received: race"):
        cross_columns(pd.DataFrame({"age": ["old"]}), [("age", "race")], "a.csv")
