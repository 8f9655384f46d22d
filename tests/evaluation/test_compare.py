import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from typer.testing import CliRunner

from facegender.cli.app import app
from facegender.errors import UserError
from facegender.evaluation.compare import (
    attributes_of,
    common_rows,
    compare,
    compare_slices,
    mcnemar,
    positive_label,
    read_predictions,
)

RNG = np.random.default_rng


def predictions(labels, answers, probability=0.75, names=None):
    index = pd.Index(names or [f"{number}.jpg" for number in range(len(labels))], name="image")
    table = pd.DataFrame({"label": list(labels), "predicted": list(answers)}, index=index)
    return table.assign(probability=probability, group=np.arange(len(table)))


def rows_of(labels, first, second):
    return common_rows(predictions(labels, first), predictions(labels, second), ("A", "B"))


def test_by_hand():
    # A right: 1 1 1 0; B right: 0 1 1 0. B alone never, A alone once
    found = compare(rows_of("1100", "1101", "0101"), "1", 200, RNG(0))
    assert (found.first.value, found.second.value, found.difference.value) == (0.75, 0.5, -0.25)
    assert (found.only_first, found.only_second, found.p_value) == (1, 0, 1.0)
    assert found.log_loss.value == 0.0  # the same probabilities


def test_log_loss_counts_the_probabilities():
    rows = common_rows(predictions("10", "10", 0.5), predictions("10", "10", [0.8, 0.2]), ("A", "B"))
    # B loses log 0.8 on both rows, A log 0.5
    assert compare(rows, "1", 50, RNG(0)).log_loss.value == pytest.approx(np.log(0.5) - np.log(0.8))


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (5, 12), (40, 40), (3, 30), (300, 380), (30000, 31000)])
def test_mcnemar_is_the_binomial_test(first, second):
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(expected)
    assert mcnemar(second, first) == mcnemar(first, second)


def judged(seed, accuracy, n=1200):
    rng = RNG(seed)
    labels = RNG(0).choice(["0", "1"], n)
    right = rng.random(n) < accuracy
    return predictions(labels, np.where(right, labels, np.where(labels == "1", "0", "1")))


def test_verdicts():
    a, alike, worse = judged(1, 0.85), judged(2, 0.85), judged(3, 0.70)
    fair = compare(common_rows(a, alike, ("A", "B")), "1", 500, RNG(0))
    assert fair.verdict(0.02) in ("undecided", "not worse")
    assert fair.verdict(0.2) == "not worse"
    lost = compare(common_rows(a, worse, ("A", "B")), "1", 500, RNG(0))
    assert lost.verdict(0.02) == "worse"
    assert lost.p_value < 1e-6
    assert lost.difference.low <= -0.15 <= lost.difference.high
    assert compare(common_rows(worse, a, ("A", "B")), "1", 500, RNG(0)).verdict(0.02) == "not worse"


def test_a_model_is_not_worse_than_itself():
    a = judged(1, 0.85, 50)
    found = compare(common_rows(a, a, ("A", "B")), "1", 100, RNG(0))
    assert (found.difference.low, found.difference.high, found.p_value) == (0.0, 0.0, 1.0)
    assert found.verdict(0.001) == "not worse"


def test_paired_differences_are_narrower_than_two_apart():
    # B differs from A in 20 of 1,200 rows: its interval is that of the 20, not of two models apart (about 4 points)
    a = judged(1, 0.85)
    b = a.copy()
    b.iloc[:20, 1] = np.where(b["predicted"].iloc[:20] == "1", "0", "1")
    found = compare(common_rows(a, b, ("A", "B")), "1", 500, RNG(0))
    assert found.difference.high - found.difference.low < 0.016


def test_the_differences_interval_covers_the_truth():
    # B is right where A is, but for 8 points that it loses and 5 that it gains: a true difference of -0.03
    covered = 0
    for seed in range(150):
        rng = RNG(seed)
        labels = rng.choice(["0", "1"], 400)
        other = np.where(labels == "1", "0", "1")
        draw = rng.random(400)
        first = np.where((draw < 0.8) | (draw > 0.95), labels, other)
        second = np.where((draw < 0.72) | (draw > 0.90), labels, other)
        found = compare(rows_of(labels, first, second), "1", 200, rng).difference
        covered += found.low <= -0.03 <= found.high
    assert 0.90 <= covered / 150 <= 0.99  # 95%, with 150 trials' own noise of 1.8%


def test_only_rows_that_both_judged_count_whatever_their_order():
    first = predictions("101", "101", names=["a", "b", "c"])
    second = predictions("110", "110", names=["c", "d", "b"])
    rows = common_rows(first, second, ("A", "B"))
    assert rows.index.tolist() == ["b", "c"]
    assert rows["label"].tolist() == ["0", "1"]


def test_no_common_row_is_refused():
    with pytest.raises(UserError, match="A and B: must have validation rows in common"):
        common_rows(predictions("1", "1", names=["a"]), predictions("1", "1", names=["b"]), ("A", "B"))


def test_other_labels_are_refused():
    with pytest.raises(UserError, match=r"the same labels. Received: two labels for 1.jpg"):
        common_rows(predictions("10", "11"), predictions("11", "11"), ("A", "B"))


def test_slices_are_compared_where_they_are_large_enough():
    rows = rows_of("1111", "1111", "1100")
    table = pd.DataFrame({"age": ["old", "old", "young", "young"]}, index=rows.index)
    found = compare_slices(rows, table, "1", 2, 50, RNG(0))
    assert {place: one.difference.value for place, one in found.items()} == {
        ("age", "old"): 0.0,
        ("age", "young"): -1.0,
    }
    assert compare_slices(rows, table, "1", 3, 50, RNG(0)) == {}


def test_attributes_find_their_own_image_column(tmp_path):
    path = tmp_path / "attributes.csv"
    path.write_text("age,file\nold,a\nyoung,b\n")
    assert attributes_of(pd.Index(["a", "b"]), path)["age"].to_dict() == {"a": "old", "b": "young"}
    assert attributes_of(pd.Index(["a"]), tmp_path / "none.csv").columns.empty


@pytest.mark.parametrize(("labels", "positive"), [(["0", "1"], "1"), (["9", "10"], "10"), (["m", "f"], "m")])
def test_the_positive_label_is_the_larger(labels, positive):
    assert positive_label(pd.Series(labels)) == positive


def test_a_model_that_was_not_evaluated_is_refused(tmp_path):
    with pytest.raises(UserError, match="must be a model that was evaluated"):
        read_predictions(tmp_path)


@pytest.mark.parametrize(
    ("accuracy", "code", "words"), [(0.85, 0, "not worse"), (0.6, 1, "is worse"), (0.84, 3, "Undecided")]
)
def test_the_commands_exit_code_and_words(tmp_path, accuracy, code, words):
    seeds = {0.85: 1, 0.6: 3, 0.84: 3}  # 0.85 again with A's own seed: the same answers
    for name, table in (("a", judged(1, 0.85)), ("b", judged(seeds[accuracy], accuracy))):
        (tmp_path / name / "evaluation").mkdir(parents=True)
        (tmp_path / name / "model").mkdir()
        table.reset_index().to_parquet(tmp_path / name / "evaluation" / "predictions.parquet")
    (tmp_path / "params.yaml").write_text("compare: {margin: 0.01}\n")
    arguments = ["compare", str(tmp_path / "a" / "model"), str(tmp_path / "b" / "evaluation")]
    found = CliRunner().invoke(app, [*arguments, "--params", str(tmp_path / "params.yaml"), "--data", str(tmp_path)])
    assert found.exit_code == code, found.output
    assert words in " ".join(found.output.split())
