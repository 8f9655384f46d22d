"""The decoding benchmark finds wrong decoders, and writes what it measured."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.decoders import BASELINE, IN_USE, list_decoders
from benchmarks.decoding import main
from benchmarks.decoding_cases import check_case, check_cases, make_cases
from benchmarks.decoding_document import render_document

SETTING = {"rounds": 5, "model_size": 224, "faces": 2, "face_size": "224 x 224"}
SETTING |= {"photographs": 1, "photograph_size": "4000 x 3000", "photograph_megabytes": 1.3}
MACHINE = {"processor": "p", "cores": 2, "load": 0.1, "date": "2026-11-24", "python": "3"}


def test_ours_is_right_in_every_case_and_the_bare_loop_is_not(tmp_path: Path) -> None:
    decoders = list_decoders()
    assert all(check_cases(decoders[IN_USE], tmp_path).values())
    assert all(check_cases(decoders[BASELINE], tmp_path).values())
    bare = check_cases(decoders["Pillow"], tmp_path)
    wrong = {kind for kind, right in bare.items() if not right}
    assert "EXIF orientation, all 8" in wrong
    assert "PNG, alpha, over white" in wrong
    assert "JPEG, progressive" not in wrong


def test_a_decoder_that_accepts_anything_or_returns_another_picture_is_wrong(tmp_path: Path) -> None:
    white = np.full((224, 224, 3), 255, np.uint8)
    assert not any(check_case(lambda files, size, threads: lambda: [white], case, tmp_path) for case in make_cases())


def figures(faces: float, photographs: float, gif: bool) -> dict[str, object]:
    """A decoder's figures, from its images per second; the baseline has 1,000 and 10."""
    return {
        "rates": {"faces, 1 thread": faces, "photographs, 1 thread": photographs},
        "rate_ratios": {"faces, 1 thread": faces / 1000, "photographs, 1 thread": photographs / 10},
        "cpu_ms": {"faces": 1000 / faces, "photographs": 1000 / photographs},
        "cpu_ratios": {"faces": faces / 1000, "photographs": photographs / 10},
        "pixel_differences": {"faces": [0.5, 2.0], "photographs": [0.25, 1.0]},
        "handled": {"JPEG": True, "GIF": gif},
    }


def test_the_document_puts_ratios_first_and_names_what_is_wrong() -> None:
    decoders = {
        BASELINE: figures(1000, 10, gif=True),
        IN_USE: figures(1000, 20, gif=True),
        "Pillow": figures(500, 30, gif=False),
        "fast": figures(1250, 40, gif=True),
        "slow": figures(900, 20, gif=True),
    }
    text = render_document({"machine": MACHINE, "setting": SETTING, "decoders": decoders})
    assert "| Pillow | 0.50x | 3.00x | 0.50x | 3.00x |" in text
    assert "| Pillow | 500 | 30.0 | 2.00 | 33.33 |" in text
    one_line = " ".join(text.split())
    begins = "times as fast on faces and"
    assert f"- Pillow: 0.5 {begins} 3.0 times as fast on photographs; wrong for 1 of 2 kinds of files." in one_line
    assert "model's, by 0.25 levels on average. This is the decoder in use." in one_line
    right = "times as fast on photographs; right for all kinds of files."
    assert f"- fast: 1.2 {begins} 4.0 {right} Not used: it would save 0.2 ms per face" in one_line
    assert f"- slow: 0.9 {begins} 2.0 {right} It is not faster than the decoder in use." in one_line
    assert "Other programs ran" not in text
    assert "noise of this measurement" not in one_line
    assert text.index("0.50x") < text.index("| 500 |")


def test_it_runs_on_a_tiny_set(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(tmp_path / f"images/{number}.jpg")
    counts = ["--faces", "3", "--photographs", "1", "--photograph-size", "640", "480", "--rounds", "1"]
    places = ["--results", str(tmp_path / "d.json"), "--document", str(tmp_path / "d.md")]
    main(["--data", str(tmp_path), *counts, "--size", "64", *places])
    text = (tmp_path / "d.md").read_text(encoding="utf-8")
    for name in ("tf.data", "Pillow, scaled decoding"):
        assert f"\n| {name} |" in text
    assert "| JPEG, CMYK | yes |" in text
    kept = json.loads((tmp_path / "d.json").read_text(encoding="utf-8"))["decoders"]
    assert kept[BASELINE]["rate_ratios"] == {
        f"{kind}, {threads}": 1.0 for kind in ("faces", "photographs") for threads in ("1 thread", "2 threads")
    }
    (tmp_path / "d.md").unlink()
    main(["write", *places])
    assert (tmp_path / "d.md").read_text(encoding="utf-8") == text


def test_help_needs_no_tensorflow(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--help"])
    assert "docs/decoding.md" in capsys.readouterr().out
