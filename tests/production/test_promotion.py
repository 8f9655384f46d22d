"""Whether a new model may replace the champion."""

import numpy as np
import pandas as pd
import pytest

from facegender.evaluation.predictions import Evaluated
from facegender.params.sections import EvaluateParams, PromoteParams
from facegender.production.promotion import compare_calibration, judge_promotion

EVALUATE = EvaluateParams(bootstrap=200, min_slice=50)
NONE = pd.DataFrame(index=pd.Index([], name="image"))


def predictions(wrong: set[int], n: int = 400, flipped: set[int] = frozenset(), sure: float = 0.9) -> pd.DataFrame:
    """Predictions for n faces, half of each label: wrong for the faces `wrong`; the labels of `flipped` are flipped."""
    truth = np.arange(n) % 2
    said = np.where(np.isin(np.arange(n), list(wrong)), 1 - truth, truth)
    labels = np.where(np.isin(np.arange(n), list(flipped)), 1 - truth, truth)
    return pd.DataFrame(
        {
            "label": labels.astype(str),
            "predicted": said.astype(str),
            "probability": np.where(said == 1, sure, 1 - sure),
            "group": np.arange(n),
            "sha256": [f"{number:064x}" for number in range(n)],
        },
        index=pd.Index([f"{number}.jpg" for number in range(n)], name="image"),
    )


def decide(champion, model, attributes=NONE, promote=None, margin=0.02):
    held, new = (Evaluated(table, ("0", "1")) for table in (champion, model))
    return judge_promotion(held, new, attributes, EVALUATE, promote or PromoteParams(), margin)


def test_an_equal_model_may_be_promoted():
    found = decide(predictions(set(range(40))), predictions(set(range(40))))
    assert found["promote"]
    assert found["reasons"] == []
    assert found["accuracy"]["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0, "n": 400}
    assert found["worst_slice"] is None


def test_a_worse_model_may_not_be_promoted():
    found = decide(predictions(set(range(40))), predictions(set(range(120))))
    # 80 more errors in 400: 20 points
    assert not found["promote"]
    assert found["accuracy"]["difference"]["value"] == pytest.approx(-0.2)
    assert found["reasons"][0].startswith("Accuracy changes by -20.0 points")
    assert "worse by more than compare.margin = 0.02" in found["reasons"][0]


def test_an_undecided_comparison_prevents_the_promotion():
    # 10 of the 40 errors are different ones: no change on average, but an interval of about ±2 points
    found = decide(predictions(set(range(40))), predictions(set(range(10, 50))))
    assert found["accuracy"]["verdict"] == "undecided"
    assert not found["promote"]
    assert "cannot tell" in found["reasons"][0]
    assert decide(predictions(set(range(40))), predictions(set(range(10, 50))), margin=0.1)["promote"]


def test_a_worse_slice_prevents_the_promotion():
    # 30 more errors on the 60 old faces, 30 fewer on the young ones: the same accuracy
    champion, model = predictions(set(range(60, 90))), predictions(set(range(30)))
    ages = pd.DataFrame({"age": np.where(np.arange(400) < 60, "old", "young")}, index=champion.index)
    found = decide(champion, model, ages, margin=0.05)
    assert found["accuracy"]["verdict"] == "not worse"
    assert (found["worst_slice"]["column"], found["worst_slice"]["value"]) == ("age", "old")
    assert found["worst_slice"]["difference"]["value"] == pytest.approx(-0.5)
    assert [reason.partition(":")[0] for reason in found["reasons"]] == ["The new model is worse for age = old"]


def test_a_worse_calibration_prevents_the_promotion():
    # both are right for 9 of 10 faces; one predicts 0.9, the other 0.999
    champion, model = predictions(set(range(40))), predictions(set(range(40)), sure=0.999)
    found = decide(champion, model)
    assert found["calibration"]["champion"]["value"] == pytest.approx(0.0, abs=1e-6)
    assert found["calibration"]["difference"]["value"] == pytest.approx(0.099, abs=1e-6)
    assert found["reasons"] == [
        reason for reason in found["reasons"] if reason.startswith("Its probabilities are less well calibrated")
    ]
    assert len(found["reasons"]) == 1
    assert decide(champion, model, promote=PromoteParams(calibration_margin=0.2))["promote"]


def test_too_many_changed_labels_prevent_the_promotion():
    every_face = set(range(400))
    champion, model = predictions(set(range(40))), predictions(every_face - set(range(40)), flipped=every_face)
    found = decide(champion, model)
    # the new model is right for 9 of 10 faces by the labels of today, and for 1 of 10 by the earlier labels
    assert found["relabelled"]["value"] == 1.0
    assert found["accuracy"]["model"]["value"] == pytest.approx(0.9)
    assert found["by_earlier_labels"]["model"]["value"] == pytest.approx(0.1)
    assert not found["promote"]
    assert "100.0% of the 400 common faces" in found["reasons"][0]
    assert decide(champion, predictions(set(range(40)), flipped={0, 1}))["relabelled"]["value"] == 0.005


def test_without_common_rows_a_person_decides():
    champion = predictions(set())
    found = decide(champion, champion.rename(index="other {}".format))
    assert found == {"promote": False, "reasons": [found["reasons"][0]], "n": 0}
    assert "no validation row" in found["reasons"][0]
    # an equal name with other content is not a common row
    assert decide(champion, champion.assign(sha256="f" * 64))["n"] == 0


def test_with_other_classes_a_person_decides():
    table = predictions(set())
    renamed = table.replace({"label": {"0": "f", "1": "m"}, "predicted": {"0": "f", "1": "m"}})
    found = judge_promotion(
        Evaluated(table, ("0", "1")), Evaluated(renamed, ("f", "m")), NONE, EVALUATE, PromoteParams(), 0.02
    )
    reason = "The two models cannot be compared: the new one has the classes f and m, the champion 0 and 1."
    assert found == {"promote": False, "reasons": [reason], "n": 0}


def test_the_calibration_error_by_hand():
    # 100 faces at 0.9, 90 of them positive; 100 at 0.2, 20 of them positive; B predicts 0.8 for the first 100
    rows = pd.DataFrame(
        {
            "label": ["1"] * 90 + ["0"] * 10 + ["1"] * 20 + ["0"] * 80,
            "probability_a": [0.9] * 100 + [0.2] * 100,
            "probability_b": [0.8] * 100 + [0.2] * 100,
            "group": range(200),
        }
    )
    found = compare_calibration(rows, "1", 2, 50, np.random.default_rng(0))
    assert found["champion"].value == pytest.approx(0.0, abs=1e-9)
    assert found["difference"].value == pytest.approx(0.05)  # 0.1 for half of the faces
