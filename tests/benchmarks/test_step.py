"""The profile of a training step counts its operations right, and its table shows its numbers."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks.document import render_document
from benchmarks.step import measure
from benchmarks.step_table import ROWS, render
from benchmarks.step_workloads import build_depthwise, build_product, list_convolutions


def test_the_operations_of_a_step_by_hand() -> None:
    features = keras.Input((7, 7, 160))
    expanded = keras.layers.Conv2D(960, 1, use_bias=False)(features)
    filtered = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False)(expanded)
    part = keras.Model(features, keras.layers.Conv2D(160, 1, use_bias=False)(filtered))
    found = list_convolutions(part, batch_size=2)
    rows = 2 * 7 * 7
    assert found.products == [(rows, 160, 960, False), (rows, 960, 160, True)]
    assert found.depthwise == [((2, 7, 7, 960), (3, 3), (1, 1))]
    # forward and kernel; forward, kernel and input; the same three, with nine products per value
    assert found.operations == 2 * rows * (2 * 160 * 960 + 3 * 960 * 160 + 3 * 9 * 960)


def test_convolutions_give_the_gradients_of_their_shapes() -> None:
    assert [tuple(value.shape) for value in build_product(6, 4, 5, inner=True)()] == [(6, 5), (4, 5), (6, 4)]
    assert len(build_product(6, 4, 5, inner=False)()) == 2
    result, by_input, by_kernel = build_depthwise((2, 5, 5, 3), (3, 3), (1, 1))()
    assert tuple(result.shape) == tuple(by_input.shape) == (2, 5, 5, 3)
    assert tuple(by_kernel.shape) == (3, 3, 3, 1)


def test_the_limit_is_scaled_to_the_steps_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(np.arange(1000.0))
    for name in ("perf_counter", "process_time"):
        monkeypatch.setattr(f"benchmarks.timing.time.{name}", lambda: next(clock))
    # wall and CPU clock advance in turn, so a call takes 2; the limit has 10 operations, the step 35
    found = measure({"limit": lambda: None, "step": lambda: None}, {"limit": 10.0, "step": 35.0}, rounds=1)
    assert found == {"limit": {"wall": 7000.0, "cpu": 7000.0}, "step": {"wall": 2000.0, "cpu": 2000.0}}


def test_the_table_leads_with_the_share_of_the_limit(tmp_path: Path) -> None:
    took = {name: {"wall": 20.0, "cpu": 40.0} for name in ROWS} | {"limit": {"wall": 17.0, "cpu": 30.0}}
    here = {"processor": "p", "cores": 2, "load": 0.2, "date": "2026-11-25", "tensorflow": "2.21.0"}
    content = {"machine": here, "batch_size": 32, "operations": 13.73e9, "milliseconds": took}
    (tmp_path / "step.json").write_text(json.dumps(content))
    text = render_document(tmp_path)
    assert "takes 0.75 of the step's CPU time and 0.85 of its wall time, at 1600 images/s." in text
    assert "| the whole step | 40.0 | 1.33 | 20.0 |" in text
    here["load"] = 1.5
    assert "ignore the wall times" in "\n".join(render(content))
    assert "python -m benchmarks.step" in render(None)[0]
