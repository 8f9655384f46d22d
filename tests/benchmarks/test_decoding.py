"""The decoding benchmark: it tells right from wrong, interleaves, and writes what it measured."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.decoding import main, timed
from benchmarks.decoding_cases import cases, handled, right
from benchmarks.decoding_document import Measured, write
from benchmarks.decoding_ways import FULL, TODAY, ways

SETTING = {"rounds": 5, "size": 224, "faces": 2, "face": "224 x 224"}
SETTING |= {"photographs": 1, "photograph": "4000 x 3000", "megabytes": 1.3}
MACHINE = {"processor": "p", "cores": 2, "load": 0.1, "date": "2026-11-24", "python": "3"}


def test_ours_is_right_in_every_case_and_the_bare_loop_is_not(tmp_path: Path) -> None:
    found = ways()
    assert all(handled(found[TODAY], tmp_path).values())
    assert all(handled(found[FULL], tmp_path).values())
    bare = handled(found["Pillow"], tmp_path)
    wrong = {kind for kind, good in bare.items() if not good}
    assert "EXIF orientation, all 8" in wrong
    assert "PNG, alpha, over white" in wrong
    assert "JPEG, progressive" not in wrong


def test_a_way_that_answers_with_another_picture_or_accepts_anything_is_wrong(tmp_path: Path) -> None:
    white = np.full((224, 224, 3), 255, np.uint8)
    assert not any(right(lambda files, size, threads: lambda: [white], case, tmp_path) for case in cases())


def test_rounds_are_interleaved_and_the_first_does_not_count() -> None:
    order: list[str] = []

    def run(name: str) -> list[str]:
        order.append(name)
        return []

    results = timed({name: lambda name=name: run(name) for name in "ab"}, rounds=2)
    assert order == ["a", "b"] * 3
    assert [len(result.wall) for result in results.values()] == [2, 2]


def test_the_document_puts_ratios_first_and_names_what_is_wrong() -> None:
    rates = {("faces", 1): {TODAY: 1000.0, "Pillow": 500.0}, ("photographs", 1): {TODAY: 10.0, "Pillow": 30.0}}
    costs = {place: {name: 1 / rate for name, rate in here.items()} for place, here in rates.items()}
    kinds = {TODAY: {"JPEG": True, "GIF": True}, "Pillow": {"JPEG": True, "GIF": False}}
    far = {kind: {TODAY: (0.0, 0.0), "Pillow": (0.5, 2.0)} for kind in ("faces", "photographs")}
    text = write(MACHINE, SETTING, Measured(rates, costs, kinds, far))
    assert "| Pillow | 0.50x | 3.00x | 0.50x | 3.00x |" in text
    assert "| Pillow | 500 | 30.0 | 2.00 | 33.33 |" in text
    said = "- Pillow: 0.5 times as fast on faces and 3.0 times as fast on photographs; wrong in 1 of 2 kinds of files."
    assert said in text
    assert "Other work ran" not in text
    assert text.index("0.50x") < text.index("| 500 |")


def test_it_runs_on_a_tiny_set(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(tmp_path / f"images/{number}.jpg")
    counts = ["--faces", "3", "--photographs", "1", "--photograph-size", "640", "480", "--rounds", "1"]
    main(["--data", str(tmp_path), *counts, "--size", "64", "--document", str(tmp_path / "d.md")])
    text = (tmp_path / "d.md").read_text(encoding="utf-8")
    for name in ("tf.data", "Pillow, scaled decoding"):
        assert f"\n| {name} |" in text
    assert "| JPEG, CMYK | yes |" in text


def test_help_needs_no_tensorflow(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--help"])
    assert "docs/decoding.md" in capsys.readouterr().out
