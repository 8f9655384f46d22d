import numpy as np
import pandas as pd
from PIL import Image

from facegender.evaluation.report.gallery import choose_faces, make_gallery
from facegender.statistics.metrics import JudgedRows


def rows_of(labels, probabilities, threshold=0.5):
    probabilities = np.asarray(probabilities, np.float64)
    return JudgedRows(
        np.asarray(labels, bool), probabilities, probabilities >= threshold, np.arange(len(probabilities))
    )


def test_chosen_by_hand():
    #                       wrong 0.1  wrong 0.9  right .45  right .95  wrong .52  right .05  right .99
    rows = rows_of([1, 0, 0, 1, 0, 0, 1], [0.1, 0.9, 0.45, 0.95, 0.52, 0.05, 0.99])
    chosen = choose_faces(rows, 0.5, np.random.default_rng(0), each=2)
    assert chosen["wrong"].tolist() == [0, 1]  # both are 0.4 from the threshold, so they keep the rows' order
    assert chosen["uncertain"].tolist() == [4, 2]  # 0.02 and 0.05 from the threshold
    assert set(chosen["right"]) < {3, 5, 6}
    assert len(chosen["right"]) == 2


def test_confidence_is_the_distance_from_the_threshold():
    chosen = choose_faces(rows_of([1, 1], [0.5, 0.75], threshold=0.8), 0.8, np.random.default_rng(0), each=1)
    assert chosen["wrong"].tolist() == [0]


def test_without_errors_there_are_none_to_show():
    assert choose_faces(rows_of([1], [0.9]), 0.5, np.random.default_rng(0))["wrong"].size == 0


def test_each_picture_comes_with_its_row(tmp_path):
    Image.new("RGB", (50, 50)).save(tmp_path / "a.png")
    table = pd.DataFrame({"image": ["a.png"], "label": ["0"], "predicted": ["1"], "probability": [0.75]})
    shown = make_gallery(table, {"wrong": np.array([0])}, tmp_path)["wrong"][0]
    assert (shown.image, shown.label, shown.predicted, shown.probability, shown.correct) == (
        "a.png",
        "0",
        "1",
        0.75,
        False,
    )
