import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, recall_score

from facegender.errors import UserError
from facegender.evaluation.slices import MISSING, count_cases, cross, cut_by, members, read_attributes
from facegender.statistics.metrics import Confusion, Rows


def rows_of(correct, positive=None):
    correct = np.asarray(correct, bool)
    positive = np.ones(len(correct), bool) if positive is None else np.asarray(positive, bool)
    return Rows(positive, np.full(len(correct), 0.5), positive == correct, np.arange(len(correct)))


def cut_one(values, correct, minimum=1, positive=None):
    table = pd.DataFrame({"age": values})
    return cut_by(table, rows_of(correct, positive), minimum, 50, np.random.default_rng(0))


def test_figures_by_hand():
    # a: a hit and a miss of positive rows, a hit of a negative one; b: one miss
    (cut,) = cut_one(["a", "b", "a", "a"], [True, False, True, False], minimum=2, positive=[1, 1, 0, 1])
    a, b = cut.slices
    assert (a.value, a.accuracy.value, a.accuracy.n, a.enough) == ("a", 2 / 3, 3, True)
    assert (a.negative_recall.value, a.positive_recall.value) == (1.0, 0.5)
    assert (b.accuracy.value, b.accuracy.n, b.enough, b.negative_recall.value) == (0.0, 1, False, None)
    assert cut.gap is None  # one slice alone is large enough


def test_each_slice_counts_its_own_four_cases():
    # label, answer: slice a has 1 TP, 2 FP, 3 FN, 4 TN; slice b has one FN; slice c one TP and one TN
    cases = [(0, 1, 1)] + 2 * [(0, 0, 1)] + 3 * [(0, 1, 0)] + 4 * [(0, 0, 0)] + [(1, 1, 0), (2, 1, 1), (2, 0, 0)]
    member, label, answer = np.array(cases[::-1]).T
    rows = Rows(label.astype(bool), np.full(len(label), 0.5), answer.astype(bool), np.arange(len(label)))
    a, b, c = count_cases(member, rows, 3)
    assert a == Confusion(true_positive=1, false_positive=2, false_negative=3, true_negative=4)
    assert b == Confusion(true_positive=0, false_positive=0, false_negative=1, true_negative=0)
    assert c == Confusion(true_positive=1, false_positive=0, false_negative=0, true_negative=1)


def test_figures_and_gap_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    values = rng.choice(["a", "b", "c"], 300)
    rows = Rows(rng.random(300) < 0.4, rng.random(300), rng.random(300) < 0.6, np.arange(300))
    (cut,) = cut_by(pd.DataFrame({"age": values}), rows, 10, 50, rng)
    accuracies = []
    for row in cut.slices:
        label, answer = rows.positive[values == row.value], rows.predicted[values == row.value]
        accuracies.append(accuracy_score(label, answer))
        assert (row.accuracy.value, row.accuracy.n) == (pytest.approx(accuracies[-1]), len(label))
        assert row.positive_recall.value == pytest.approx(recall_score(label, answer))
        assert row.negative_recall.value == pytest.approx(recall_score(label, answer, pos_label=0))
    assert [row.value for row in cut.slices] == ["a", "b", "c"]
    assert cut.gap.gap.value == pytest.approx(max(accuracies) - min(accuracies))


def test_the_gap_is_between_slices_large_enough():
    values = ["few"] * 2 + ["low"] * 10 + ["high"] * 10
    (cut,) = cut_one(values, [False] * 2 + [True] * 3 + [False] * 7 + [True] * 9 + [False], minimum=5)
    assert (cut.compared[cut.gap.worst].value, cut.compared[cut.gap.best].value) == ("low", "high")
    assert cut.gap.gap.value == pytest.approx(0.6)
    assert cut.gap.gap.n == 20


def test_values_stand_in_their_natural_order():
    (cut,) = cut_one(["70+", "10-19", "3-9", "", "more than 80", "0-2"], [True] * 6)
    assert [row.value for row in cut.slices] == ["0-2", "3-9", "10-19", "70+", "more than 80", MISSING]


def test_many_numbers_are_cut_into_quarters():
    (cut,) = cut_one([str(number) for number in range(1, 101)], [True] * 100)
    assert [(row.value, row.accuracy.n) for row in cut.slices] == [
        ("below 25.8", 25),
        ("25.8 to 50.5", 25),
        ("50.5 to 75.2", 25),
        ("75.2 and more", 25),
    ]


@pytest.mark.parametrize("values", [[f"person {number}" for number in range(21)], ["same"] * 21])
def test_columns_that_make_no_slices_are_left_out(values):
    assert cut_one(values, [True] * 21) == []


def test_two_columns_are_crossed_on_request():
    table = pd.DataFrame({"age": ["old", "young", None], "race": ["x", "y", "y"]})
    crossed = cross(table, [("age", "race")], "attributes.csv")
    assert crossed["age × race"].tolist() == ["old, x", "young, y", f"{MISSING}, y"]
    assert list(cross(table, [], "attributes.csv").columns) == ["age", "race"]


def test_members_of_slices_large_enough():
    values = pd.Series(["old", None, "young", "old", "rare", "young", None])
    assert members(values, 2).tolist() == [0, -1, 2, 0, -1, 2, -1]  # old, rare, young, in that order
    assert members(pd.Series([f"person {number}" for number in range(21)]), 1).tolist() == [-1] * 21


def test_crossing_a_column_that_is_not_there_is_refused():
    with pytest.raises(UserError, match=r"evaluate.two_way: must name columns of a.csv: age. Received: race"):
        cross(pd.DataFrame({"age": ["old"]}), [("age", "race")], "a.csv")


def test_attributes_are_read_as_text_by_image(tmp_path):
    path = tmp_path / "attributes.csv"
    path.write_text("age;image\nold;b.jpg\nyoung;a.jpg\nold;a.jpg\n")  # the first of two rows for a.jpg counts
    assert read_attributes(path, "image")["age"].to_dict() == {"b.jpg": "old", "a.jpg": "young"}


def test_without_the_file_there_are_none(tmp_path):
    assert read_attributes(tmp_path / "attributes.csv", "image") is None


def test_attributes_without_the_image_column_are_refused(tmp_path):
    path = tmp_path / "attributes.csv"
    path.write_text("file,age\na.jpg,3\n")
    with pytest.raises(UserError, match=r"attributes.csv: the column image must be there. Received: file, age"):
        read_attributes(path, "image")
