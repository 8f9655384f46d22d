import numpy as np
import pandas as pd

from facegender.classes import Classes
from facegender.submit import predict_test

CLASSES = Classes("female", "male", "str", 0.4)
INDEX = pd.DataFrame({"image": ["a", "b", "c", "d"], "reason": [None, "truncated", None, None]})


def scored(**probabilities):
    table = pd.DataFrame({"image": list(probabilities), "probability": np.float32(list(probabilities.values()))})
    reasons = [None if known else "the file is missing" for known in table["probability"].notna()]
    return table.assign(reason=pd.Series(reasons, dtype=object))


def test_predictions_follow_the_index_and_are_joined_by_image():
    table = predict_test(INDEX, scored(d=0.75, c=0.25, a=0.5), CLASSES, 0.5)
    assert table["image"].tolist() == ["a", "b", "c", "d"]
    assert table["label"].tolist() == ["male", "female", "female", "male"]
    assert table["status"].tolist() == ["scored", "fallback", "scored", "scored"]


def test_what_cannot_be_read_gets_the_stated_fallback_and_its_reason():
    table = predict_test(INDEX, scored(a=0.9, c=float("nan"), d=0.9), CLASSES, 0.3).set_index("image")
    # 0.4 of the training rows are male: the majority is female, although 0.4 lies above the threshold of 0.3
    assert table.loc["b"].tolist() == [0.4, "female", "fallback", "truncated"]
    assert table.loc["c"].tolist() == [0.4, "female", "fallback", "the file is missing"]
    assert table.loc["a", "reason"] is None


def test_the_threshold_decides():
    labels = predict_test(INDEX, scored(a=0.5, c=0.75, d=1.0), CLASSES, 0.75)["label"]
    assert labels.tolist() == ["female", "female", "male", "male"]  # b is the fallback


def test_of_a_tie_in_training_the_positive_class_is_the_fallback():
    assert Classes("0", "1", "int", 0.5).majority == "1"
