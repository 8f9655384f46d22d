import json

import numpy as np

from facegender.decision.classes import Classes
from facegender.evaluation.figures import baseline
from facegender.statistics.metrics import JudgedRows


def test_the_baseline_is_the_training_rows_majority():
    rows = JudgedRows(np.array([True, True, True, False]), np.zeros(4), np.zeros(4, bool), np.arange(4))
    assert baseline(rows, Classes("0", "1", "int", 0.4)).value == 1 / 4  # 0 in training, but 1 in these rows
    assert baseline(rows, Classes("0", "1", "int", 0.6)).value == 3 / 4


def test_metrics_json_has_a_value_interval_and_n_for_each_figure(metrics, case):
    assert metrics["n"] == 100
    assert metrics["confusion"].keys() == {"true_positive", "false_positive", "false_negative", "true_negative"}
    assert sum(metrics["confusion"].values()) == 100
    correct = (case.predictions["label"] == case.predictions["predicted"]).sum()
    assert metrics["accuracy"]["value"] == correct / 100
    for name in (
        "accuracy",
        "balanced_accuracy",
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier",
        "baseline_accuracy",
    ):
        estimate = metrics[name]
        assert estimate.keys() == {"value", "low", "high", "n"}
        assert estimate["low"] <= estimate["value"] <= estimate["high"]
        assert estimate["n"] == 100
    assert metrics["classes"].keys() == {"0", "1"}
    assert metrics["classes"]["1"].keys() == {"precision", "recall", "f1"}


def test_slices_json_marks_small_slices(evaluated):
    slices = json.loads((evaluated / "slices.json").read_text())
    assert slices["age"].keys() == {"3-9", "10-19", "70+"}
    assert slices["age"]["70+"]["accuracy"]["n"] == 10
    assert slices["age"]["70+"]["enough"] is False
    assert slices["age"]["3-9"]["recall"].keys() == {"0", "1"}
