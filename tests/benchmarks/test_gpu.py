"""The GPU benchmark's code runs on the CPU, and the document shows only a GPU's figures."""

import json
import re
from pathlib import Path

import pytest

from benchmarks.document import render_document
from benchmarks.gpu import main
from facegender.network.device import has_gpu

ROW = {"work": "training", "batch_size": 256, "images": 8192, "float32": 4000.0, "mixed": 10000.0}
TINY = ["--alpha", "0.35", "--image-size", "32", "--images", "8", "--batch-sizes", "4", "--rounds", "1"]


def test_the_code_runs_on_a_cpu_and_leaves_the_document_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if has_gpu():
        pytest.skip("this process sees a GPU")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")  # as the command does; monkeypatch restores it
    main(["--device", "cpu", *TINY, "--results", str(tmp_path)])
    (kept,) = tmp_path.iterdir()
    content = json.loads(kept.read_text())
    assert [(row["work"], row["images"]) for row in content["rows"]] == [
        ("features", 8),
        ("training", 8),
        ("scoring", 8),
    ]
    assert all(row[precision] > 0 for row in content["rows"] for precision in ("float32", "mixed"))
    assert re.search(r"\| training \| 4 \| [\d.]+x \|", capsys.readouterr().out)
    assert "Not measured: no NVIDIA GPU was available." in render_document(tmp_path)


def test_without_a_gpu_nothing_is_measured(tmp_path: Path) -> None:
    if has_gpu():
        pytest.skip("this process sees a GPU")
    with pytest.raises(SystemExit, match=r"^No GPU is visible to TensorFlow, so nothing was measured\."):
        main(["--results", str(tmp_path)])
    assert not list(tmp_path.iterdir())


def test_the_document_shows_what_was_measured_on_a_gpu(tmp_path: Path) -> None:
    here = {"processor": "p", "cores": 16, "load": 0.1, "date": "2026-11-24", "tensorflow": "2.21.0", "keras": "3.15.1"}
    content = {"machine": here, "devices": ["NVIDIA X"], "network": "MobileNetV2", "rows": [ROW]}
    (tmp_path / "gpu.json").write_text(json.dumps(content))
    text = render_document(tmp_path)
    assert "NVIDIA X; MobileNetV2; 2026-11-24." in text
    assert "| training | 256 | 2.50x | 4,000 | 10,000 |" in text
    assert "Not measured" not in text
