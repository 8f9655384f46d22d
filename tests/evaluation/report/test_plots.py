import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import yaml

from facegender.decision.classes import Classes
from facegender.evaluation.report import plots
from facegender.evaluation.report.plot_set import NAMES, draw_plots, kept_epoch
from facegender.evaluation.report.plot_style import VARIABLES, inline
from facegender.statistics import curves
from facegender.statistics.curves import coverage_risk, precision_recall, reliability, roc
from facegender.statistics.metrics import Confusion, JudgedRows

CLASSES = Classes("0", "1", "int", 0.5)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    labels = rng.random(60) < 0.5
    scores = rng.random(60)
    return JudgedRows(labels, scores, scores >= 0.5, np.arange(60))


def draw(rows, case):
    tables = {
        "roc": roc(rows),
        "precision_recall": precision_recall(rows),
        "reliability": reliability(rows, 10),
        "reliability_raw": reliability(rows, 10),
        "coverage_risk": coverage_risk(rows, 0.5),
    }
    return draw_plots(rows, CLASSES, tables, case.inputs.history, 0.5, (0.5, 0.9))


@pytest.fixture(scope="module")
def drawn(rows, case):
    return draw(rows, case)


def test_all_plots_are_there_and_well_formed(drawn):
    of_probabilities = {"histogram", "roc", "precision_recall", "reliability", "reliability_raw", "coverage_risk"}
    assert drawn.keys() == {"confusion", "learning_loss", "learning_accuracy"} | of_probabilities
    for svg in drawn.values():
        assert ET.fromstring(svg).tag.endswith("svg")


def test_the_same_numbers_give_the_same_bytes(drawn, rows, case):
    assert draw(rows, case) == drawn


def test_plots_hold_no_date(drawn):
    assert not any("dc:date" in svg for svg in drawn.values())


def test_text_stays_text():
    svg = plots.confusion_matrix(Confusion(1204, 3, 4, 5), "female", "male")
    texts = "".join(ET.fromstring(svg).itertext())
    assert "1,204" in texts
    assert "female" in texts


def test_with_one_class_only_there_are_no_curves_that_need_two(case):
    rows = JudgedRows(np.ones(3, bool), np.array([0.2, 0.6, 0.9]), np.array([False, True, True]), np.arange(3))
    assert not {"roc", "precision_recall"} & draw(rows, case).keys()


def test_without_positive_answers_the_precision_curve_has_no_point(case):
    rows = JudgedRows(np.array([True, False]), np.array([0.2, 0.1]), np.array([False, False]), np.arange(2))
    drawn = draw(rows, case)
    assert "threshold 0.5" in drawn["roc"]
    assert "threshold 0.5" not in drawn["precision_recall"]


def test_inline_plots_share_no_id_and_no_colour_of_their_own(drawn):
    ids: list[str] = []
    for name, svg in drawn.items():
        inlined = inline(svg, f'"{name}" & co')
        root = ET.fromstring(inlined.replace("xlink:href", "href"))
        assert root.get("aria-label") == f'"{name}" & co'
        assert root.get("role") == "img"
        assert "metadata" not in inlined
        assert "<!DOCTYPE" not in inlined
        assert not any(colour in inlined for colour in VARIABLES)
        ids += [element.get("id") for element in root.iter() if element.get("id")]
        references = {element.get("href", "").removeprefix("#") for element in root.iter() if element.get("href")}
        assert references <= set(ids)
    assert len(ids) == len(set(ids))


def test_inline_refuses_a_plot_without_a_size():
    with pytest.raises(ValueError, match="viewBox"):
        inline("<svg></svg>", "x")


def test_the_kept_epoch_is_the_last_phases_best(case):
    # the head's epoch has the lowest loss, 0.30, but training went on from it: 0.45 is the best of the last phase
    assert kept_epoch(case.inputs.history) == 2


def test_the_histogram_covers_every_row(rows):
    table = curves.histogram(rows, 20)
    assert int(table[["negative", "positive"]].to_numpy().sum()) == len(rows)


def test_dvc_plots_and_the_report_name_a_plot_alike(checkout):
    by_dvc = {
        name: plot for one in yaml.safe_load((checkout / "dvc.yaml").read_text())["plots"] for name, plot in one.items()
    }
    ours = {
        Path(file).stem: name for name, plot in by_dvc.items() for file in plot["y"] if "artifacts/evaluation/" in file
    }
    assert ours == {name: NAMES[name] for name in ours}
    assert len(ours) == 6
    assert {NAMES["learning_loss"], NAMES["learning_accuracy"]} < by_dvc.keys()
