"""The figures of the trainings, on numbers that can be checked by hand."""

import json
from pathlib import Path
from typing import Any

from benchmarks.document import render_document
from benchmarks.train_figures import render_comparison
from benchmarks.train_part import CROSS_VALIDATION, ONLINE, OURS, PLAIN, SECOND

ROWS = {"trained": 4800, "validated": 1200}


def run(seconds: float, cpu: float, epochs: list[tuple[float, float]], **others: Any) -> dict[str, Any]:
    epoch_rows = [{"seconds": end, "val_accuracy": accuracy} for end, accuracy in epochs]
    return {"seconds": seconds, "cpu_seconds": cpu, "peak_kb": 1024, "epochs": epoch_rows, **ROWS, **others}


def example() -> dict[str, list[dict[str, Any]]]:
    stages = {
        "features": {"seconds": 100.0, "cpu_seconds": 180.0},
        "train": {"seconds": 60.0, "cpu_seconds": 100.0},
    }
    return {
        OURS: [run(165.0, 285.0, [(110.0, 0.7), (120.0, 0.8), (160.0, 0.85)], kept_accuracy=0.84, stages=stages)],
        PLAIN: [run(600.0, 1100.0, [(100.0, 0.6), (240.0, 0.8), (590.0, 0.8)])],
        SECOND: [run(63.0, 101.0, [(60.0, 0.8)])],
        CROSS_VALIDATION: [{"seconds": 315.5, "cpu_seconds": 586.0, "peak_kb": 1024}],
        ONLINE: [{"seconds": 90.0, "peak_kb": 1024, "trained": 588, "validated": 12, "images_per_second": 12.34}],
    }


def rows_of(results: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    lines = [line.strip("| ").split(" | ") for line in render_comparison(results) if line.count("|") == 3]
    return dict(lines[2:])  # after the head and its rule


def test_the_figures_follow_from_the_runs() -> None:
    rows = rows_of(example())
    # 0.8, first reached by the plain script after 240 s, is reached by ours after 120 s
    assert rows["time to the plain script's best validation accuracy: ours is faster by"].startswith("2.00x: 120 s")
    assert rows["best validation accuracy: ours"] == "0.8500"
    assert rows["best validation accuracy: the plain script"] == "0.8000"
    assert (
        rows["validation accuracy of the model that ours keeps, minus the plain script's best"] == "+0.0400, at 0.8400"
    )
    assert rows["wall time of the plain script, divided by ours with its features"] == "3.64x"  # 600 / 165
    second = "a second training with another learning rate, as a share of the plain script's time"
    assert rows[second] == "0.10: 63 s"  # 63 / 600
    # 415.5 s of 100 and 5.5 times 60; 766 s of 180 and 5.5 times 100
    over = "cross-validation time, divided by 5.5 trainings and the features"
    assert rows[over] == "wall 0.97 (416 s), CPU 1.05 (766 s)"
    # the same of 600 s and of 1,100 s
    assert (
        rows["cross-validation time, divided by one run of the plain script"] == "wall 0.69 (416 s), CPU 0.70 (766 s)"
    )
    assert rows["training the whole backbone from images (online mode)"] == (
        "12.3 images/s: the second epoch over 588 images, validation on 12 included"
    )
    same = "4,800 training and 1,200 validation rows, the same for all."
    assert render_comparison(example())[0] == f"{same} The plain script is `keras ImageDataGenerator`."


def test_runs_are_compared_turn_by_turn() -> None:
    results = example()
    for factor in (0.5, 3.0):  # a fast and a slow hour for both peers
        for name in (OURS, PLAIN):
            first = results[name][0]
            epochs = [(row["seconds"] * factor, row["val_accuracy"]) for row in first["epochs"]]
            others = {key: first[key] for key in ("kept_accuracy", "stages") if key in first}
            results[name].append(run(first["seconds"] * factor, 1.0, epochs, **others))
    assert rows_of(results)["wall time of the plain script, divided by ours with its features"] == "3.64x"
    results[OURS][1]["epochs"] = [{"seconds": 1.0, "val_accuracy": 0.7}]
    reached = rows_of(results)["time to the plain script's best validation accuracy: ours is faster by"]
    assert reached == "not reached in 1 of 3 runs"


def test_missing_and_failed_runs_are_shown(tmp_path: Path) -> None:
    results = {OURS: example()[OURS], ONLINE: [{"failed": "no"}]}
    rows = rows_of(results)
    assert rows["cross-validation time, divided by one run of the plain script"] == "not run yet"
    assert rows["training the whole backbone from images (online mode)"] == "not run yet"
    assert rows["best validation accuracy: ours"] == "0.8500"
    machine = {"processor": "p", "cores": 2, "load": 0.1, "date": "2026-11-24"}
    part = {"machine": machine, "tiny": False, "asked": {OURS: 1, PLAIN: 1}, "results": results}
    (tmp_path / "train.json").write_text(json.dumps(part))
    text = render_document(tmp_path)
    assert f"Missing: {PLAIN} (0 of 1 runs)." in text
    assert f"| {PLAIN} | | not run yet | | |" in text
    assert f"| {ONLINE} | | failed: no | | |" in text


def test_peers_on_other_rows_are_reported() -> None:
    results = example()
    results[PLAIN][0]["trained"] = 4799
    assert "different numbers of training and validation rows" in render_comparison(results)[0]
