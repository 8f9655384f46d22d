"""The variants, the document that shows their figures, and a run on a tiny set."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.choice_runs import VariantFolders, prepare_variant
from benchmarks.choice_variants import CHOICES, NAMES, VARIANTS, find_variant
from benchmarks.choice_verdicts import Difference, compare
from benchmarks.choices_document import render_document
from facegender.params.presets import flatten_params
from facegender.params.sections import Params
from facegender.params.writing import unflatten

HERE = {"processor": "p", "cores": 2, "load": 0.1, "date": "2026-11-25T12:00", "python": "3", "keras": "3"}
MACHINE = {**HERE, "tensorflow": "2", "openvino": "1"}


def figures(right: str, cpu: float, **others: Any) -> dict[str, Any]:
    """A variant's figures, evaluated on the rows 'abc'."""
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


def render_with(folder: Path, **variants: dict[str, Any]) -> str:
    """Keep the figures of some variants, by name with underscores, and return the document."""
    for name, kept in variants.items():
        (folder / f"{find_variant(name.replace('_', ' ')).slug}.json").write_text(json.dumps(kept))
    return render_document(folder)


def cells(document: str, row: str) -> list[str]:
    """The cells of a table's row."""
    line = next(line for line in document.splitlines() if line.startswith(f"| {row} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_variants_change_existing_parameters_and_refer_to_existing_variants() -> None:
    usual = flatten_params(Params())
    for variant in VARIANTS:
        assert {name: value for name, value in variant.changes.items() if usual[name] == value} == {}
        Params.model_validate(unflatten(variant.changes))
        assert {variant.features_of, variant.model_of, variant.baseline} - {None} <= set(NAMES)
    assert len({variant.slug for variant in VARIANTS}) == len(NAMES)
    compared = {name for choice in CHOICES for name in choice.variants}
    alone = {"default", "preset quick", "preset accurate"}
    assert compared == {variant.name for variant in VARIANTS if variant.baseline != variant.name} - alone


def test_a_choice_states_the_actual_default() -> None:
    usual = flatten_params(Params())
    for choice in CHOICES:
        if (name := choice.parameter.strip("`")) in usual:
            assert choice.value == str(usual[name]).removesuffix(".0").lower()


def test_differences_are_paired() -> None:
    # of 4 rows 1 is gained and none lost: +25 points, with a standard error of sqrt((1/4 - 1/16) / 4) = 21.65 points
    change = compare(figures("1110", 1), figures("1100", 1))
    assert change is not None
    assert change.points == 25.0
    assert change.high - change.low == pytest.approx(2 * 1.96 * 21.65, abs=0.01)
    assert change.p_value == 1.0
    assert compare(figures("1", 1), figures("1", 1, rows="others")) is None
    assert compare(figures("10", 1), figures("10", 1)) == Difference(0.0, 0.0, 0.0, 1.0)


def test_the_document_shows_variants_and_those_not_run(tmp_path: Path) -> None:
    text = render_document(tmp_path)
    assert text.count("| not run yet |") == len(VARIANTS) + len(CHOICES) - 1
    assert "fixed by the specification; not run yet" in text
    assert "perceived by annotators" in text

    there = {"seconds": 300.0, "cpu_seconds": 600.0, "passes": 80}
    shared = {"seconds": 0.0, "cpu_seconds": 0.0, "passes": 60, "of": "views 8", "there": there}
    own = figures("1" * 90 + "0" * 10, 100, features=shared)
    other = figures("1" * 80 + "0" * 20, 100, train={"seconds": 0.0, "cpu_seconds": 0.0, "of": "default"})
    text = render_with(tmp_path, default=own, tta_2=other)
    assert cells(text, "default")[2:] == ["0.900 (0.800 to 1.000), 100", "", "≈ 225 / 450", "50 / 100", "0.1"]
    assert cells(text, "tta 2")[3:] == ["-10.0 (-15.9 to -4.1)", "50 / 100", "as default", "0.1"]
    assert cells(text, "depth 0")[2] == "not run yet"


def test_the_variants_support_or_contradict_a_default(tmp_path: Path) -> None:
    usual = figures("1" * 80 + "0" * 20, 100)
    better = figures("1" * 95 + "0" * 5, 400)  # 15 rows gained, none lost
    alike = figures("1" * 81 + "0" * 19, 50)
    worse = figures("1" * 60 + "0" * 40, 100)
    text = render_with(tmp_path, default=usual, depth_64=better, views_4=alike, views_1=worse, augment_none=better)
    depth, views, policy = (
        cells(text, f"`{name}`")[2] for name in ("train.fine_tune_layers", "features.views", "augment.policy")
    )
    better = "depth 64 is better by 15.0 points (+8.0 to +22.0) at 4.0 times the CPU time"
    assert depth == f"fixed by the specification; contradicted: {better}; not run yet: depth 0, depth all"
    supported = "worse: views 1; within chance: views 4; cheaper of these: views 4 at 0.50 times the CPU time"
    assert views == f"{supported}; not run yet: views 8"
    assert policy.startswith("contradicted: augment none is better by 15.0 points")


def test_times_measured_with_other_parameters_are_discarded(tmp_path: Path) -> None:
    folders = VariantFolders(tmp_path, tmp_path / "work", {}, print)
    (tmp_path / "artifacts").mkdir()
    for name in ("index.parquet", "validation.json", "splits.parquet"):
        (tmp_path / "artifacts" / name).touch()
    default = VARIANTS[0]
    times = [folders.folder(default) / f"{stage}.json" for stage in ("features", "train", "evaluate")]
    for variant, kept in ((default, False), (default, True), (replace(default, changes={"train.epochs": 2}), False)):
        for file in times:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        prepare_variant(folders, variant)
        assert all(file.exists() == kept for file in times)


def draw(folder: Path, count: int) -> None:
    """Draw a data folder of noise, in which class 1 is brighter."""
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
def test_variants_run_on_a_tiny_set_and_kept_ones_do_not_run_again(tmp_path: Path, checkout: Path) -> None:
    draw(tmp_path / "data", 64)
    places = {"--data": "data", "--work": "work", "--results": "results", "--document": "choices.md"}
    options = [part for name, place in places.items() for part in (name, str(tmp_path / place))]
    command = [sys.executable, "-m", "benchmarks.choices", "--tiny", *options, "--only"]
    subprocess.run([*command, "views 4"], cwd=checkout, check=True, capture_output=True)
    kept = json.loads((tmp_path / "results/views-4.json").read_text())
    assert kept["features"]["of"] == "views 8"
    # 60 rows, of which 12 validate: one view of each, and three or seven more of the other 48
    assert (kept["features"]["passes"], kept["features"]["there"]["passes"]) == (60 + 3 * 48, 60 + 7 * 48)
    assert kept["accuracy"]["n"] == len(kept["right"]) == 12
    assert kept["train"]["cpu_seconds"] > 0
    text = (tmp_path / "choices.md").read_text()
    assert "ignore the figures" in text
    assert cells(text, "views 4")[4].startswith("≈ ")
    again = subprocess.run(
        [*command, "views 4", "scaling 1/255"], cwd=checkout, check=True, capture_output=True, text=True
    )
    assert "views 4: kept" in again.stderr
    assert "views 4: train" not in again.stderr
    config = json.dumps(read_scale(tmp_path / "work/rows/scaling-1-255/artifacts/model/model.keras"))
    assert '"offset": 0.0' in config


def read_scale(model: Path) -> dict[str, Any]:
    """Return the configuration of a saved model's layer `scale`."""
    from zipfile import ZipFile

    with ZipFile(model) as archive:
        config = json.loads(archive.read("config.json"))
    layers = {layer["name"]: layer["config"] for layer in config["config"]["layers"]}
    found: dict[str, Any] = layers["scale"]
    return found
