"""The benchmarks run on a tiny set, and the document shows the raw numbers."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.child import run_child
from benchmarks.document import render_document
from benchmarks.workspace import multiply_data

MACHINE = {"processor": "p", "cores": 2, "load": 0.1, "date": "2026-11-24", "python": "3"}


def test_a_child_is_measured_and_a_failing_peer_gives_its_error() -> None:
    good = run_child([sys.executable, "-c", "print('noise'); print('{\"n\": 3}')"])
    assert good["n"] == 3
    assert good["seconds"] > 0
    assert good["peak_kb"] > 1000
    assert run_child([sys.executable, "-c", "import no_such_peer"])["failed"].endswith("'no_such_peer'")


def test_the_document_puts_ratios_first(tmp_path: Path) -> None:
    results = {"ours": [{"seconds": 2.0, "peak_kb": 1024}], "pillow loop": [{"seconds": 5.0, "peak_kb": 2048}]}
    part = {"machine": MACHINE, "tiny": False, "results": {**results, "cleanvision": [{"failed": "not there"}]}}
    (tmp_path / "validate.json").write_text(json.dumps(part))
    grown = {str(n): [{"peaks": {"validate": kb}}] for n, kb in {1000: 1000, 10000: 2000, 100000: 11000}.items()}
    (tmp_path / "memory.json").write_text(json.dumps({"machine": MACHINE, "tiny": False, "results": grown}))
    text = render_document(tmp_path)
    assert "| pillow loop | 2.50x | 5.0 | 1 | 2 |" in text
    assert "failed: not there" in text
    assert "| validate | 102 |" in text  # 9,000 kB more for 90,000 more images
    assert text.count("Not run yet.\n") == 3
    assert text.endswith("| mixed, images/s |\n|---|---|---|---|---|\n")  # the empty table: no GPU was measured


def test_the_document_lists_what_is_missing(tmp_path: Path) -> None:
    results = {"ours": [{"seconds": 2.0, "peak_kb": 1024, "date": "2026-11-25", "load": 0.2, "commit": "abc"}]}
    part = {"machine": MACHINE, "tiny": False, "asked": {"ours": 2, "pillow loop": 2}, "results": results}
    (tmp_path / "validate.json").write_text(json.dumps(part))
    text = render_document(tmp_path)
    assert "Missing: ours (1 of 2 runs); pillow loop (0 of 2 runs)." in text
    assert "| pillow loop | | not run yet | | |" in text
    assert "load 0.2 at the start, 2026-11-25." in text
    assert "commit abc." in text


def test_validation_is_measured_on_a_tiny_set(tmp_path: Path, checkout: Path) -> None:
    few = tmp_path / "few/images"
    few.mkdir(parents=True)
    rng = np.random.default_rng(0)
    names = [f"{number}.png" for number in range(30)]
    for name in names:
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(few / name)
    rows = "\n".join(f"{name},{number % 2}" for number, name in enumerate(names))
    (tmp_path / "few/train.csv").write_text(f"image_names,class\n{rows}\n")
    multiply_data(tmp_path / "few", tmp_path / "many", 60)
    data = str(tmp_path / "many")
    command = [sys.executable, "-m", "benchmarks", "validate", "write", "--data", data, "--repeats", "1"]
    places = {"--work": tmp_path / "work", "--results": tmp_path / "results", "--document": tmp_path / "b.md"}
    options = [str(part) for pair in places.items() for part in pair]
    first = [*command, "--tiny", "--only", "pillow", *options]
    subprocess.run(first, cwd=checkout, check=True, capture_output=True)
    kept = json.loads((tmp_path / "results/validate.json").read_text())["results"]
    assert list(kept) == ["pillow loop, sha-256"]
    assert kept["pillow loop, sha-256"][0]["n"] == 60
    again = subprocess.run([*command, "--tiny", *options], cwd=checkout, check=True, capture_output=True, text=True)
    assert "kept earlier runs (pillow loop, sha-256 1)" in again.stderr
    assert "ours, run 1 of 1: " in again.stderr
    assert "pillow loop, sha-256, run 1 of 1" not in again.stderr
    now = json.loads((tmp_path / "results/validate.json").read_text())["results"]
    assert list(now)[:2] == ["ours", "pillow loop, sha-256"]
    assert now["pillow loop, sha-256"] == kept["pillow loop, sha-256"]
    assert "| pillow loop, sha-256 |" in (tmp_path / "b.md").read_text()
