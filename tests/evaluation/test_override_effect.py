import pandas as pd

from facegender.evaluation.override_effect import measure_override_effect, read_overrides


def test_what_decisions_changed_by_hand():
    predictions = pd.DataFrame({"image": list("abcd"), "label": list("1100"), "predicted": list("1101")})
    overrides = pd.DataFrame(
        {
            "image": ["a", "b", "x", "y"],  # x is a training row, y was dropped
            "label": ["0", "1", "1", "0"],
            "decision": ["flip", "keep", "flip", "drop"],
        }
    )
    found = measure_override_effect(predictions, overrides)
    assert (found["flipped"], found["dropped"], found["kept"]) == (2, 1, 1)
    assert found["judged_by_other_labels"] == 1
    # three of four are right by the new labels; a is wrong by its earlier label
    assert found["accuracy_by_earlier_labels"]["value"] == 0.5
    assert found["accuracy_by_earlier_labels"]["n"] == 4


def test_the_file_is_read_as_text_if_there_is_one(tmp_path):
    path = tmp_path / "label_overrides.csv"
    assert read_overrides(path) is None
    path.write_text("image,decision,label\na.jpg,flip,01\n")
    assert read_overrides(path).to_numpy().tolist() == [["a.jpg", "01", "flip"]]
