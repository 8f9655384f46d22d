"""The table of choices: its rows, what the document makes of their figures, and a run on a tiny set."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.choice_rows import CHOICES, NAMES, ROWS, named
from benchmarks.choice_runs import Setting, prepare
from benchmarks.choices_document import Difference, difference, write
from facegender.params.presets import flatten_params
from facegender.params.sections import Params
from facegender.params.writing import unflatten

HERE = {"processor": "p", "cores": 2, "load": 0.1, "date": "2026-11-25T12:00", "python": "3", "keras": "3"}
MACHINE = {**HERE, "tensorflow": "2", "openvino": "1"}


def content(right: str, cpu: float, **others: Any) -> dict[str, Any]:
    """A row's figures, which judged the rows 'abc'."""
    share = right.count("1") / len(right)
    accuracy = {"value": share, "low": share - 0.1, "high": share + 0.1, "n": len(right)}
    took = {"seconds": cpu / 2, "cpu_seconds": cpu}
    return {
        "tiny": False,
        "machine": MACHINE,
        "accuracy": accuracy,
        "judged": "validation",
        "features": {**took, "passes": 60, "of": None, "there": None},
        "train": {**took, "of": None},
        "right": right,
        "rows": "abc",
        **others,
    }


def keep(folder: Path, **rows: dict[str, Any]) -> str:
    """The document of some rows, by their names with underscores."""
    for name, figures in rows.items():
        (folder / f"{named(name.replace('_', ' ')).slug}.json").write_text(json.dumps(figures))
    return write(folder)


def cells(document: str, row: str) -> list[str]:
    line = next(line for line in document.splitlines() if line.startswith(f"| {row} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_rows_change_what_exists_and_lean_on_rows_that_exist() -> None:
    usual = flatten_params(Params())
    for row in ROWS:
        assert {name: value for name, value in row.changes.items() if usual[name] == value} == {}
        Params.model_validate(unflatten(row.changes))
        assert {row.features_of, row.model_of, row.against} - {None} <= set(NAMES)
    assert len({row.slug for row in ROWS}) == len(NAMES)
    compared = {name for choice in CHOICES for name in choice.rows}
    alone = {"default", "preset quick", "preset accurate"}
    assert compared == {row.name for row in ROWS if row.against != row.name} - alone


def test_a_default_stated_as_such_is_one() -> None:
    usual = flatten_params(Params())
    for choice in CHOICES:
        if (name := choice.parameter.strip("`")) in usual:
            assert choice.value == str(usual[name]).removesuffix(".0").lower()


def test_differences_are_paired() -> None:
    # of 4 rows one is won and none lost: +25 points, and a standard error of sqrt((1/4 - 1/16) / 4) = 21.65 points
    change = difference(content("1110", 1), content("1100", 1))
    assert change is not None
    assert change.points == 25.0
    assert change.high - change.low == pytest.approx(2 * 1.96 * 21.65, abs=0.01)
    assert change.p_value == 1.0
    assert difference(content("1", 1), content("1", 1, rows="others")) is None
    assert difference(content("10", 1), content("10", 1)) == Difference(0.0, 0.0, 0.0, 1.0)


def test_the_document_tells_rows_and_what_was_not_run(tmp_path: Path) -> None:
    text = write(tmp_path)
    assert text.count("| not run yet |") == len(ROWS) + len(CHOICES) - 1
    assert "the user's specification fixes it; not run yet" in text
    assert "perceived by annotators" in text

    there = {"seconds": 300.0, "cpu_seconds": 600.0, "passes": 80}
    shared = {"seconds": 0.0, "cpu_seconds": 0.0, "passes": 60, "of": "views 8", "there": there}
    own = content("1" * 90 + "0" * 10, 100, features=shared)
    other = content("1" * 80 + "0" * 20, 100, train={"seconds": 0.0, "cpu_seconds": 0.0, "of": "default"})
    text = keep(tmp_path, default=own, tta_2=other)
    assert cells(text, "default")[2:] == ["0.900 (0.800 to 1.000), 100", "", "≈ 225 / 450", "50 / 100"]
    assert cells(text, "tta 2")[3:] == ["-10.0 (-15.9 to -4.1)", "50 / 100", "as default"]
    assert cells(text, "depth 0")[2] == "not run yet"


def test_a_default_follows_from_the_table_or_the_table_says_otherwise(tmp_path: Path) -> None:
    usual = content("1" * 80 + "0" * 20, 100)
    better = content("1" * 95 + "0" * 5, 400)  # 15 rows won, none lost
    alike = content("1" * 81 + "0" * 19, 50)
    worse = content("1" * 60 + "0" * 40, 100)
    text = keep(tmp_path, default=usual, depth_64=better, views_4=alike, views_1=worse, augment_none=better)
    depth, views, policy = (
        cells(text, f"`{name}`")[2] for name in ("train.fine_tune_layers", "features.views", "augment.policy")
    )
    against = "depth 64 is better by 15.0 points (+8.0 to +22.0) at 4.0 times the CPU time"
    assert (
        depth
        == f"the user's specification fixes it: the table speaks against it, {against}; not run yet: depth 0, depth all"
    )
    expected = (
        "the table: views 1 worse; views 4 within chance of it; of these cheaper: views 4 at 0.50 times the CPU time"
    )
    assert views == f"{expected}; not run yet: views 8"
    assert policy.startswith("the table speaks against it: augment none is better by 15.0 points")


def test_what_was_measured_with_other_parameters_is_measured_again(tmp_path: Path) -> None:
    setting = Setting(tmp_path, tmp_path / "work", {}, print)
    (tmp_path / "artifacts").mkdir()
    for name in ("index.parquet", "validation.json", "splits.parquet"):
        (tmp_path / "artifacts" / name).touch()
    notes = [setting.folder(ROWS[0]) / f"{stage}.json" for stage in ("features", "train", "evaluate")]
    for row, kept in ((ROWS[0], False), (ROWS[0], True), (replace(ROWS[0], changes={"train.epochs": 2}), False)):
        for note in notes:
            note.parent.mkdir(parents=True, exist_ok=True)
            note.touch()
        prepare(setting, row)
        assert all(note.exists() == kept for note in notes)


def draw(folder: Path, count: int) -> None:
    """A data folder of noise, of which class 1 is the brighter half."""
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for number in range(count):
        pixels = rng.integers(0, 160, (40, 40, 3)) + 90 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"images/{number}.png")
        rows.append(f"{number}.png,{number % 2}")
    (folder / "train.csv").write_text("\n".join(["image_names,class", *rows[:-4], ""]))
    (folder / "test.csv").write_text("\n".join(["image_names", *(row.split(",")[0] for row in rows[-4:]), ""]))
    (folder / "sample_submission.csv").write_text("\n".join(["image_names,class", *rows[-4:], ""]))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_rows_run_on_a_tiny_set_and_what_is_there_is_not_run_again(tmp_path: Path, checkout: Path) -> None:
    draw(tmp_path / "data", 64)
    places = {"--data": "data", "--work": "work", "--results": "results", "--document": "choices.md"}
    options = [part for name, place in places.items() for part in (name, str(tmp_path / place))]
    command = [sys.executable, "-m", "benchmarks.choices", "--tiny", *options, "--only"]
    subprocess.run([*command, "views 4"], cwd=checkout, check=True, capture_output=True)
    kept = json.loads((tmp_path / "results/views-4.json").read_text())
    assert kept["features"]["of"] == "views 8"
    # 60 rows of which 12 validate: one view of each, and three or seven more of the other 48
    assert (kept["features"]["passes"], kept["features"]["there"]["passes"]) == (60 + 3 * 48, 60 + 7 * 48)
    assert kept["accuracy"]["n"] == len(kept["right"]) == 12
    assert kept["train"]["cpu_seconds"] > 0
    text = (tmp_path / "choices.md").read_text()
    assert "no figure to go by" in text
    assert cells(text, "views 4")[4].startswith("≈ ")
    again = subprocess.run(
        [*command, "views 4", "scaling 1/255"], cwd=checkout, check=True, capture_output=True, text=True
    )
    assert "views 4: kept" in again.stderr
    assert "views 4: train" not in again.stderr
    config = json.dumps(scale_of(tmp_path / "work/rows/scaling-1-255/artifacts/model/model.keras"))
    assert '"offset": 0.0' in config


def scale_of(model: Path) -> dict[str, Any]:
    """How a saved model's layer `scale` is configured."""
    from zipfile import ZipFile

    with ZipFile(model) as archive:
        config = json.loads(archive.read("config.json"))
    layers = {layer["name"]: layer["config"] for layer in config["config"]["layers"]}
    found: dict[str, Any] = layers["scale"]
    return found
