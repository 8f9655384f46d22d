import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from typer.testing import CliRunner

from facegender.cli.app import app
from facegender.data.rows import find_classes
from facegender.data.tables import Table
from facegender.errors import UserError
from facegender.evaluation.compare import (
    common_rows,
    compare,
    compare_models,
    compare_slices,
    mcnemar,
)
from facegender.evaluation.predictions import read_evaluated, read_labels
from facegender.params.sections import EvaluateParams

RNG = np.random.default_rng


def predictions(labels, answers, probability=0.75, names=None):
    index = pd.Index(names or [f"{number}.jpg" for number in range(len(labels))], name="image")
    table = pd.DataFrame({"label": list(labels), "predicted": list(answers)}, index=index)
    return table.assign(probability=probability, group=np.arange(len(table)))


def rows_of(labels, first, second):
    return common_rows(predictions(labels, first), predictions(labels, second), ("A", "B"))


def test_by_hand():
    # A is right on 1 1 1 0, B on 0 1 1 0: once only A, never only B
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


def test_paired_intervals_are_narrower_than_unpaired_ones():
    # B differs from A in 20 of 1,200 rows: the interval is that of the 20, not of two unpaired models (about 4 points)
    a = judged(1, 0.85)
    b = a.copy()
    b.iloc[:20, 1] = np.where(b["predicted"].iloc[:20] == "1", "0", "1")
    found = compare(common_rows(a, b, ("A", "B")), "1", 500, RNG(0))
    assert found.difference.high - found.difference.low < 0.016


def test_the_differences_interval_covers_the_truth():
    # B is right where A is, but loses 8 points and gains 5: a true difference of -0.03
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
    assert 0.90 <= covered / 150 <= 0.99  # 95%; the standard error of 150 trials is 1.8%


def test_only_rows_that_both_judged_count_in_any_order():
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


def test_slices_are_compared_if_they_are_large_enough():
    rows = rows_of("1111", "1111", "1100")
    table = pd.DataFrame({"age": ["old", "old", "young", "young"]}, index=rows.index)
    found = compare_slices(rows, table, "1", 2, 50, RNG(0))
    assert {place: one.difference.value for place, one in found.items()} == {
        ("age", "old"): 0.0,
        ("age", "young"): -1.0,
    }
    assert compare_slices(rows, table, "1", 3, 50, RNG(0)) == {}


def evaluated_model(folder: Path, table: pd.DataFrame, negative: str = "0", positive: str = "1") -> Path:
    """model/ and evaluation/ below a folder, as a run leaves them; gives model/."""
    (folder / "evaluation").mkdir(parents=True)
    (folder / "model").mkdir()
    table.reset_index().to_parquet(folder / "evaluation" / "predictions.parquet")
    classes = {"negative": negative, "positive": positive, "label_dtype": "str", "positive_share": 0.5}
    (folder / "model" / "classes.json").write_text(json.dumps(classes))
    return folder / "model"


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (["0", "1"], "1"),
        (["9", "10"], "10"),  # by number
        (["m", "f"], "m"),
        (["9", "010"], "9"),  # 010 is no number as it stands, so both are words
        (["01", "1"], "1"),
        (["1", "01"], "1"),
        (["1", "²"], "²"),  # a digit, and no number
    ],
)
def test_the_positive_label_is_that_of_the_model(tmp_path, labels, positive):
    # what `validate` makes the classes is what `train` writes into classes.json
    found, _ = find_classes(Table(Path("train.csv"), pd.DataFrame({"class": labels}), "utf-8", ","), "class")
    assert found[1] == positive
    # both are always right; B is surer of it, so its log loss is smaller: by the other label it would be larger
    truth = np.resize(labels, 40)
    unsure, sure = (np.where(truth == positive, share, 1 - share) for share in (0.6, 0.9))
    first = evaluated_model(tmp_path / "a", predictions(truth, truth, unsure), *found)
    second = evaluated_model(tmp_path / "b", predictions(truth, truth, sure), *found)
    whole, _ = compare_models(first, second, tmp_path / "none.csv", EvaluateParams(bootstrap=50))
    assert whole.log_loss.value == pytest.approx(np.log(0.6) - np.log(0.9))


def test_models_of_other_classes_are_refused(tmp_path):
    first = evaluated_model(tmp_path / "a", predictions("10", "11"))
    second = evaluated_model(tmp_path / "b", predictions("mf", "mm"), "f", "m")
    with pytest.raises(UserError, match=r"the same two classes. Received: 0 and 1 against f and m\."):
        compare_models(first, second, tmp_path / "none.csv", EvaluateParams(bootstrap=50))
    turned = evaluated_model(tmp_path / "c", predictions("10", "11"), "1", "0")
    with pytest.raises(UserError, match=r"Received: 0 and 1 against 1 and 0\."):
        compare_models(first, turned, tmp_path / "none.csv", EvaluateParams(bootstrap=50))


def test_a_model_that_was_not_evaluated_is_refused(tmp_path):
    with pytest.raises(UserError, match="must be a model that was evaluated"):
        read_evaluated(tmp_path)


def test_a_folder_that_is_no_model_is_not_taken_for_the_one_beside_it(tmp_path):
    # artifacts/champion holds a model/ and an evaluation/; beside it lies the evaluation of another model
    evaluated_model(tmp_path, predictions("10", "11"))
    evaluated_model(tmp_path / "champion", predictions("10", "11"))
    with pytest.raises(UserError, match="champion: must be a model that was evaluated, or its evaluation folder"):
        read_evaluated(tmp_path / "champion")


def test_a_model_and_its_evaluation_name_the_same(tmp_path, monkeypatch):
    model = evaluated_model(tmp_path / "artifacts", predictions("mf", "mm"), "f", "m")
    monkeypatch.chdir(model)
    for folder in (model, model.parent / "evaluation", Path(), Path("../evaluation")):
        assert read_evaluated(folder).classes == ("f", "m")


def test_an_evaluation_of_another_model_is_refused(tmp_path):
    model = evaluated_model(tmp_path, predictions("mf", "mm"), "0", "1")
    with pytest.raises(UserError, match=r"evaluation: must be .* the classes 0 and 1. Received: the answer 'm'."):
        read_evaluated(model)


def test_an_evaluation_that_stands_alone_says_itself_which_class_is_positive(tmp_path, evaluated):
    assert read_evaluated(evaluated).classes == ("0", "1")
    # nor does a copy ask the model beside it, which may be a later one
    evaluated_model(tmp_path, predictions("mf", "mm"), "f", "m")
    copied = tmp_path / "evaluation of yesterday"
    copied.mkdir()
    for name in ("predictions.parquet", "metrics.json"):
        (copied / name).write_bytes((evaluated / name).read_bytes())
    assert read_evaluated(copied).classes == ("0", "1")
    (copied / "metrics.json").unlink()
    with pytest.raises(UserError, match=r"which class is the positive one. Received: none. Give the model's folder"):
        read_evaluated(copied)


def test_metrics_whose_order_of_classes_is_lost_are_refused(tmp_path, evaluated, metrics):
    assert read_labels(metrics) == ("0", "1")
    turned = {**metrics, "classes": dict(reversed(metrics["classes"].items()))}
    assert read_labels(turned) is None
    (tmp_path / "predictions.parquet").write_bytes((evaluated / "predictions.parquet").read_bytes())
    (tmp_path / "metrics.json").write_text(json.dumps(turned))
    with pytest.raises(UserError, match="Received: classes in an order that its counts contradict"):
        read_evaluated(tmp_path)


@pytest.mark.parametrize(
    ("accuracy", "code", "words"), [(0.85, 0, "not worse"), (0.6, 1, "is worse"), (0.84, 3, "Undecided")]
)
def test_the_commands_exit_code_and_words(tmp_path, accuracy, code, words):
    seeds = {0.85: 1, 0.6: 3, 0.84: 3}  # 0.85 with A's own seed: the same answers
    for name, table in (("a", judged(1, 0.85)), ("b", judged(seeds[accuracy], accuracy))):
        evaluated_model(tmp_path / name, table)
    (tmp_path / "params.yaml").write_text("compare: {margin: 0.01}\n")
    arguments = ["compare", str(tmp_path / "a" / "model"), str(tmp_path / "b" / "evaluation")]
    found = CliRunner().invoke(app, [*arguments, "--params", str(tmp_path / "params.yaml"), "--data", str(tmp_path)])
    assert found.exit_code == code, found.output
    assert words in " ".join(found.output.split())
