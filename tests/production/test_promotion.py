"""May a new model take the champion's place?"""

import numpy as np
import pandas as pd
import pytest

from facegender.evaluation.predictions import Evaluated
from facegender.params.sections import EvaluateParams, PromoteParams
from facegender.production.promotion import calibration_change, judge_promotion

EVALUATE = EvaluateParams(bootstrap=200, min_slice=50)
NONE = pd.DataFrame(index=pd.Index([], name="image"))


def judged(wrong: set[int], n: int = 400, flipped: set[int] = frozenset(), sure: float = 0.9) -> pd.DataFrame:
    """n faces, half of each label; the model errs on `wrong`, and the labels of `flipped` are the other ones."""
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


def test_an_equal_model_may():
    found = decide(judged(set(range(40))), judged(set(range(40))))
    assert found["promote"]
    assert found["reasons"] == []
    assert found["accuracy"]["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0, "n": 400}
    assert found["worst_slice"] is None


def test_a_worse_model_may_not():
    found = decide(judged(set(range(40))), judged(set(range(120))))
    # 80 of 400 more are wrong: 20 points
    assert not found["promote"]
    assert found["accuracy"]["difference"]["value"] == pytest.approx(-0.2)
    assert found["reasons"][0].startswith("Accuracy changes by -20.0 points")
    assert "worse by more than compare.margin = 0.02" in found["reasons"][0]


def test_what_the_rows_cannot_tell_is_no_promotion():
    # 10 of 40 errors are others: no change on average, but an interval of about 2 points each way
    found = decide(judged(set(range(40))), judged(set(range(10, 50))))
    assert found["accuracy"]["verdict"] == "undecided"
    assert not found["promote"]
    assert "cannot tell" in found["reasons"][0]
    assert decide(judged(set(range(40))), judged(set(range(10, 50))), margin=0.1)["promote"]


def test_a_slice_that_is_served_worse_is_no_promotion():
    # of the 60 old faces 30 more are wrong, and 30 of the young fewer: the same on average
    champion, model = judged(set(range(60, 90))), judged(set(range(30)))
    ages = pd.DataFrame({"age": np.where(np.arange(400) < 60, "old", "young")}, index=champion.index)
    found = decide(champion, model, ages, margin=0.05)
    assert found["accuracy"]["verdict"] == "not worse"
    assert (found["worst_slice"]["column"], found["worst_slice"]["value"]) == ("age", "old")
    assert found["worst_slice"]["difference"]["value"] == pytest.approx(-0.5)
    assert [reason.partition(":")[0] for reason in found["reasons"]] == ["It serves age"]


def test_worse_calibrated_is_no_promotion():
    # both are right on 9 of 10; one says 0.9, the other 0.999
    champion, model = judged(set(range(40))), judged(set(range(40)), sure=0.999)
    found = decide(champion, model)
    assert found["calibration"]["champion"]["value"] == pytest.approx(0.0, abs=1e-6)
    assert found["calibration"]["difference"]["value"] == pytest.approx(0.099, abs=1e-6)
    assert found["reasons"] == [
        reason for reason in found["reasons"] if reason.startswith("Its probabilities are worse calibrated")
    ]
    assert len(found["reasons"]) == 1
    assert decide(champion, model, promote=PromoteParams(calibration_margin=0.2))["promote"]


def test_a_changed_yardstick_is_said():
    everybody = set(range(400))
    champion, model = judged(set(range(40))), judged(everybody - set(range(40)), flipped=everybody)
    found = decide(champion, model)
    # by the labels of today the new one is right on 9 of 10, and by the earlier ones on 1 of 10
    assert found["relabelled"]["value"] == 1.0
    assert found["accuracy"]["model"]["value"] == pytest.approx(0.9)
    assert found["by_earlier_labels"]["model"]["value"] == pytest.approx(0.1)
    assert not found["promote"]
    assert "100.0% of the 400 faces" in found["reasons"][0]
    assert decide(champion, judged(set(range(40)), flipped={0, 1}))["relabelled"]["value"] == 0.005


def test_without_rows_in_common_a_person_decides():
    champion = judged(set())
    found = decide(champion, champion.rename(index="other {}".format))
    assert found == {"promote": False, "reasons": [found["reasons"][0]], "n": 0}
    assert "no validation row" in found["reasons"][0]
    # nor is a picture the same because another has taken its name
    assert decide(champion, champion.assign(sha256="f" * 64))["n"] == 0


def test_of_other_classes_a_person_decides():
    table = judged(set())
    renamed = table.replace({"label": {"0": "f", "1": "m"}, "predicted": {"0": "f", "1": "m"}})
    found = judge_promotion(
        Evaluated(table, ("0", "1")), Evaluated(renamed, ("f", "m")), NONE, EVALUATE, PromoteParams(), 0.02
    )
    reason = "Its classes are f and m, and the champion's 0 and 1, so the two cannot be compared."
    assert found == {"promote": False, "reasons": [reason], "n": 0}


def test_the_calibration_error_by_hand():
    # 100 faces at 0.9 of which 90 are positive, 100 at 0.2 of which 20 are; B says 0.8 of the first
    rows = pd.DataFrame(
        {
            "label": ["1"] * 90 + ["0"] * 10 + ["1"] * 20 + ["0"] * 80,
            "probability_a": [0.9] * 100 + [0.2] * 100,
            "probability_b": [0.8] * 100 + [0.2] * 100,
            "group": range(200),
        }
    )
    found = calibration_change(rows, "1", 2, 50, np.random.default_rng(0))
    assert found["champion"].value == pytest.approx(0.0, abs=1e-9)
    assert found["difference"].value == pytest.approx(0.05)  # 0.1 on half of the faces
