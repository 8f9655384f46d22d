"""bfloat16: how much a network of convolutions loses, with and without the adaptation."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from facegender.network import engine_choice as export
from facegender.network.bfloat16 import adapt_to_bfloat16, round_to_bfloat16
from facegender.network.engine import OpenVinoEngine, import_openvino
from facegender.params.sections import ScoringParams

HAS_BFLOAT16 = "BF16" in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def test_rounding_is_to_the_nearest_ties_to_even() -> None:
    step = 2.0**-7  # the distance between neighbours of 1: seven bits after the point
    values = np.array([1.0, 1 + step, 1 + 0.4 * step, 1 + 0.5 * step, 1 + 1.5 * step, -1 - 0.6 * step], np.float32)
    assert round_to_bfloat16(values).tolist() == [1, 1 + step, 1, 1, 1 + 2 * step, -1 - step]


def chain(count: int, exact_weights: bool = False) -> Any:
    """Build a chain of convolutions from pictures to channels, each with a bias and a ReLU6, the third depthwise."""
    openvino = import_openvino()
    from openvino import opset13

    rng = np.random.default_rng(0)
    image = opset13.parameter([-1, 16, 16, 3], np.uint8)
    values = opset13.convert(opset13.transpose(image, opset13.constant([0, 3, 1, 2])), "f32")
    values = opset13.multiply(values, opset13.constant(np.float32(1 / 64)))
    channels = 3
    for number in range(count):
        depthwise = number == 2
        shape = (8, 1, 1, 3, 3) if depthwise else (8, channels, 3, 3)
        weights = rng.normal(scale=0.3, size=shape).astype(np.float32)
        convolve = opset13.group_convolution if depthwise else opset13.convolution
        values = convolve(
            values,
            opset13.constant(round_to_bfloat16(weights) if exact_weights else weights),
            *([1, 1], [1, 1], [1, 1], [1, 1]),  # strides, padding before and after, dilations
        )
        bias = rng.normal(loc=1, size=(1, 8, 1, 1)).astype(np.float32)
        values = opset13.clamp(opset13.add(values, opset13.constant(bias)), 0, 6)
        channels = 8
    return openvino.Model([opset13.result(values)], [image])


PICTURES = np.random.default_rng(1).integers(0, 256, (32, 16, 16, 3)).astype(np.uint8)


def outputs(network: Any, precision: str = "f32") -> npt.NDArray[np.float32]:
    network.reshape([32, 16, 16, 3])
    compiled = import_openvino().Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    return np.array(compiled([PICTURES])[0], np.float32)


def fixed(network: Any) -> Any:
    network.reshape([32, 16, 16, 3])
    return network


def test_a_network_whose_weights_are_bfloat16_already_computes_the_same() -> None:
    network = fixed(chain(5, exact_weights=True))
    assert np.allclose(outputs(adapt_to_bfloat16(network)), outputs(network), atol=1e-5)


def test_the_adaptation_lowers_the_mean_error_of_rounded_weights() -> None:
    network = fixed(chain(4))
    adapted = adapt_to_bfloat16(network)
    reference = outputs(network)
    plain = fixed(chain(4))
    last = [node for node in plain.get_ordered_ops() if node.get_type_name() == "Convolution"][-1]
    from openvino import opset13

    weights = np.array(last.input(1).get_source_output().get_node().get_data())
    last.input(1).replace_source_output(opset13.constant(round_to_bfloat16(weights)).output(0))

    def mean_error(values: npt.NDArray[np.float32]) -> float:
        return float(np.abs((values - reference).mean(axis=(0, 2, 3))).max())

    assert mean_error(outputs(plain)) > 0
    assert mean_error(outputs(adapted)) < mean_error(outputs(plain)) / 4


@pytest.mark.skipif(not HAS_BFLOAT16, reason="this processor has no bfloat16")
def test_the_first_three_convolutions_run_in_float32_and_the_others_in_bfloat16() -> None:
    settings = {"INFERENCE_PRECISION_HINT": "bf16"}
    compiled = import_openvino().Core().compile_model(adapt_to_bfloat16(fixed(chain(6))), "CPU", settings)
    facts = [node.get_rt_info() for node in compiled.get_runtime_model().get_ordered_ops()]
    precisions = [str(fact["runtimePrecision"].value) for fact in facts if "onvolution" in str(fact["layerType"].value)]
    assert precisions == ["f32", "f32", "f32", "bf16", "bf16", "bf16"]


def test_the_engine_is_closer_than_the_unadapted_network_and_repeats_its_bytes() -> None:
    network = chain(12)
    reference = outputs(network.clone())
    first, second = (np.concatenate(list(OpenVinoEngine(network, "bfloat16").map([PICTURES]))) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    error = np.abs(first - reference).mean()
    assert error < 0.05
    if HAS_BFLOAT16:
        assert 0 < error < np.abs(outputs(network.clone(), "bf16") - reference).mean() * 0.8


@pytest.mark.parametrize(("precision", "engine"), [("bfloat16", "openvino"), ("auto", "tensorflow")])
def test_beyond_the_limit_bfloat16_scores_only_if_asked_for_by_name(
    precision: str, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MAX_DIFFERENCE", -1.0)  # no engine can meet this limit
    image = keras.Input((16, 16, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(image))
    model = keras.Model(image, keras.layers.Dense(1, "sigmoid")(pooled))
    params = ScoringParams(precision=precision)
    checks = export.export_engine(model, tmp_path, PICTURES, params)
    assert json.loads((tmp_path / "engine.json").read_text())["engine"] == engine
    verdict = (
        "used for scoring nevertheless, because scoring.precision asks for it" if engine == "openvino" else "not used"
    )
    assert checks[0].describe(precision).endswith(f"labels flipped: {verdict}")
