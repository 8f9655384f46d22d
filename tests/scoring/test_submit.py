"""The table of test predictions: scored rows, fallbacks, and rows to abstain from."""

import numpy as np
import pandas as pd
import pytest

from facegender.decision.calibration import Calibrator
from facegender.decision.classes import Classes
from facegender.decision.decision import Decision
from facegender.scoring.submit import tabulate_predictions

NOT_FITTED = Calibrator("none")


def decision(threshold, calibrator=NOT_FITTED, quantile=1.0):
    return Decision(calibrator, threshold, 0.1, quantile)


CLASSES = Classes("female", "male", "str", 0.4)
INDEX = pd.DataFrame({"image": ["a", "b", "c", "d"], "reason": [None, "truncated", None, None]})


def scored(**probabilities):
    table = pd.DataFrame({"image": list(probabilities), "probability": np.float32(list(probabilities.values()))})
    reasons = [None if known else "the file is missing" for known in table["probability"].notna()]
    return table.assign(reason=pd.Series(reasons, dtype=object))


def test_predictions_follow_the_index_and_are_joined_by_image():
    table = tabulate_predictions(INDEX, scored(d=0.75, c=0.25, a=0.5), CLASSES, decision(0.5))
    assert table["image"].tolist() == ["a", "b", "c", "d"]
    assert table["label"].tolist() == ["male", "female", "female", "male"]
    assert table["status"].tolist() == ["scored", "fallback", "scored", "scored"]


def test_an_unreadable_image_gets_the_fallback_and_its_reason():
    table = tabulate_predictions(INDEX, scored(a=0.9, c=float("nan"), d=0.9), CLASSES, decision(0.3)).set_index("image")
    # 40% of the training rows are male: the majority is female, although 0.4 is above the threshold of 0.3
    assert table.loc["b"].tolist() == [0.4, "female", "fallback", "truncated", True, 1]
    assert table.loc["c"].tolist() == [0.4, "female", "fallback", "the file is missing", True, 1]
    assert table.loc["a", "reason"] is None


def test_the_label_follows_the_threshold():
    labels = tabulate_predictions(INDEX, scored(a=0.5, c=0.75, d=1.0), CLASSES, decision(0.75))["label"]
    assert labels.tolist() == ["female", "female", "male", "male"]  # b is the fallback


def test_probabilities_are_calibrated_before_the_threshold():
    # 0.8 has logit log(4); temperature 2 makes it log(2), probability 2/3: below the threshold of 0.7
    table = tabulate_predictions(
        INDEX, scored(a=0.8, c=0.9, d=0.1), CLASSES, decision(0.7, Calibrator("temperature", 2.0))
    )
    assert table["probability"].tolist() == pytest.approx([2 / 3, 0.4, 0.75, 0.25], abs=1e-6)
    assert table["label"].tolist() == ["female", "female", "male", "female"]


def test_rows_to_abstain_from_are_marked():
    # a label is in the set if 1 - p <= 0.2: neither at 0.75, one at 0.9; b is unreadable and always marked
    table = tabulate_predictions(INDEX, scored(a=0.75, c=0.9, d=0.1), CLASSES, decision(0.5, quantile=0.2))
    assert table["abstain"].tolist() == [True, True, False, False]


def test_in_a_tie_of_the_training_rows_the_positive_class_is_the_fallback():
    assert Classes("0", "1", "int", 0.5).majority == "1"
