import json

import numpy as np
import pandas as pd
import pytest

from facegender.decision.classes import Classes
from facegender.evaluation.against_champion import compare_with_champion, read_champion
from tests.small_evaluation import CLASSES


def judged(names, labels, predicted, probability=0.75):
    table = pd.DataFrame({"image": names, "label": list(labels), "predicted": list(predicted)})
    return table.assign(probability=probability, group=np.arange(len(table)))


def compared(champion, ours, margin=0.02):
    return compare_with_champion(champion.set_index("image"), ours, CLASSES, margin, 200, np.random.default_rng(0))


def test_by_hand_on_the_rows_that_both_judged():
    champion = judged(list("abcd"), "1100", "1000")
    ours = judged(list("bcde"), "1001", "1111")
    found = compared(champion, ours)
    # on b, c and d the champion says 0, 0, 0 and this model 1, 1, 1; the labels are 1, 0, 0
    assert found["champion_accuracy"]["value"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["accuracy"]["value"] == pytest.approx(1 / 3, abs=1e-6)
    assert found["difference"]["n"] == 3
    assert found["p_value"] == 1.0  # one row against two
    assert found["verdict"] == "undecided"


def test_both_are_judged_by_todays_labels():
    names = [f"{number}.jpg" for number in range(200)]
    champion = judged(names, "1" * 200, "1" * 200)
    found = compared(champion, judged(names, "0" * 200, "0" * 200))
    assert found["champion_accuracy"]["value"] == 0.0
    assert found["verdict"] == "not worse"
    assert compared(champion, judged(names, "1" * 200, "0" * 200))["verdict"] == "worse"


def test_without_common_rows_there_is_no_comparison():
    assert compared(judged(["a"], "1", "1"), judged(["b"], "1", "1")) is None


def test_the_champions_evaluation_is_read_where_there_is_one(tmp_path):
    assert read_champion(tmp_path, CLASSES) is None
    place(tmp_path, CLASSES)
    assert read_champion(tmp_path, CLASSES).loc["a", "predicted"] == "0"


def test_a_champion_of_other_classes_is_not_compared_with(tmp_path, caplog):
    # by the labels of today it would be wrong of every face, and the new model seem the better one
    place(tmp_path, CLASSES)
    with caplog.at_level("INFO"):
        assert read_champion(tmp_path, Classes("f", "m", "str", 0.5)) is None
    assert caplog.messages == ["evaluate: the champion is not compared, because its classes are 0 and 1"]


def place(champion, classes):
    (champion / "evaluation").mkdir()
    judged(["a"], "1", "0").to_parquet(champion / "evaluation" / "predictions.parquet")
    (champion / "model").mkdir()
    (champion / "model" / "classes.json").write_text(json.dumps(vars(classes)))
