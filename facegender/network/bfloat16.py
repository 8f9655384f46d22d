"""Adapt a network to bfloat16, which keeps 8 of the 24 bits of a float32's significand.

MobileNetV2, run in bfloat16 unchanged, loses most in three places. Each is corrected here, without another forward
pass:

- Rounded weights. After a ReLU6 all inputs are positive, so the weights' errors add up to the same wrong sum in every
  picture. The bias makes up for the mean error (Nagel et al. 2019, "Data-free quantization through weight equalization
  and bias correction", 4.2). The means are taken over random noise, so that a network's correction does not depend on
  the data.
- Rounded biases. OpenVINO rounds a convolution's bias, but not an addition after an activation. A clamp that changes
  nothing therefore separates the bias from the convolution.
- The first convolutions, whose outputs cancel out in the next one. They run in float32, which costs almost nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

Constant = npt.NDArray[np.float32]  # weights or biases of a layer, as the network holds them

EXACT_LAYERS: Final = 3  # convolutions, counted from the input, that stay in float32
NOISE_PICTURES: Final = 16  # pictures of noise over which mean errors are taken
UNREACHED: Final = 1e30  # larger than any value in a network


@dataclass(frozen=True)
class Layer:
    """A convolution with constant weights and the addition of its constant bias."""

    convolution: Any
    addition: Any

    @property
    def weights(self) -> Constant:
        """The convolution's weights, in its own shape."""
        return _read_constant(self.convolution)

    @property
    def bias(self) -> Constant:
        """The bias: (1, channels, 1, 1)."""
        return _read_constant(self.addition)


def adapt_to_bfloat16(network: Any) -> Any:
    """Return an `openvino.Model` of the same function that loses less accuracy in bfloat16.

    Parameters
    ----------
    network
        An `openvino.Model` of fixed shape, uint8 (b, s, s, 3) -> anything. It is not changed.
    """
    from openvino import opset13

    adapted = network.clone()
    _fuse_batch_norm(adapted)
    layers = _find_layers(adapted)
    rest = layers[_count_exact(layers) :]
    corrections = _measure_corrections(adapted, rest)
    for layer, correction in zip(rest, corrections, strict=True):
        _keep_bias_exact(layer, layer.bias + correction.reshape(layer.bias.shape))
        # rounded here, not by OpenVINO, so that a processor without bfloat16 also runs what the corrections are for
        layer.convolution.input(1).replace_source_output(opset13.constant(round_to_bfloat16(layer.weights)).output(0))
    return _mark_exact(adapted, {layer.convolution.get_friendly_name() for layer in layers[: _count_exact(layers)]})


def _fuse_batch_norm(network: Any) -> None:
    """Fuse every BatchNorm into weights and biases, in place.

    `openvino._offline_transformations` is private. The compiler does the same, but too late to correct biases first.
    """
    from openvino._offline_transformations import apply_moc_transformations

    apply_moc_transformations(network, cf=False)


def round_to_bfloat16(values: Constant) -> Constant:
    """Round to the nearest bfloat16, ties to even; the result is float32."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return nearest.astype(np.uint32).view(np.float32)


def _read_constant(node: Any) -> Constant:
    return np.array(node.input(1).get_source_output().get_node().get_data(), np.float32)


def _has_constant(node: Any) -> bool:
    return str(node.input(1).get_source_output().get_node().get_type_name()) == "Constant"


def _find_users(node: Any) -> list[Any]:
    return [target.get_node() for target in node.output(0).get_target_inputs()]


def _find_layers(network: Any) -> list[Layer]:
    found = []
    for node in network.get_ordered_ops():
        if node.get_type_name() in ("Convolution", "GroupConvolution") and _has_constant(node):
            users = _find_users(node)
            if [user.get_type_name() for user in users] == ["Add"] and _has_constant(users[0]):
                found.append(Layer(node, users[0]))
    return found


def _count_exact(layers: list[Layer]) -> int:
    """Count the layers that stay in float32: none with a skip connection, for OpenVINO cannot add two precisions."""
    for number, layer in enumerate(layers[:EXACT_LAYERS]):
        if any(user.get_type_name() == "Add" for user in _find_users(layer.addition)):
            return number
    return EXACT_LAYERS


def _draw_noise(size: int) -> npt.NDArray[np.uint8]:
    """Draw pictures uint8 (NOISE_PICTURES, size, size, 3); as in photographs, coarser detail has more contrast."""
    rng = np.random.default_rng(2026)
    pictures = np.zeros((NOISE_PICTURES, size, size, 3))
    for grid in (2, 4, 8, 16, 32, 64):
        place = np.arange(size) * grid // size
        for channels in (1, 3):  # the same in all colours, and separate in each
            patches = rng.normal(size=(NOISE_PICTURES, grid, grid, channels))
            pictures += patches[:, place][:, :, place] / np.sqrt(grid * channels)
    pictures += rng.normal(scale=0.3, size=(NOISE_PICTURES, 1, 1, 1))  # brighter and darker ones
    pixels: npt.NDArray[np.uint8] = np.clip(127.5 + 60 * pictures / pictures.std(), 0, 255).astype(np.uint8)
    return pixels


def _measure_corrections(network: Any, layers: list[Layer]) -> list[Constant]:
    """Measure, by channel, how much rounded weights lower each layer's output on average."""
    import openvino
    from openvino import opset13

    if not layers:
        return []
    size = network.input(0).shape[1]
    lost_means = []
    for layer in layers:
        node = layer.convolution
        attributes = node.get_attributes()
        convolve = opset13.convolution if node.get_type_name() == "Convolution" else opset13.group_convolution
        lost = convolve(
            node.input(0).get_source_output(),
            opset13.constant(layer.weights - round_to_bfloat16(layer.weights)),
            *(attributes[name] for name in ("strides", "pads_begin", "pads_end", "dilations", "auto_pad")),
        )
        lost_means.append(opset13.reduce_mean(lost, opset13.constant([0, 2, 3]), keep_dims=False))
    probe = openvino.Model([opset13.result(mean) for mean in lost_means], network.get_parameters()).clone()
    probe.reshape([NOISE_PICTURES, size, size, 3])
    # one thread, so that the order of summation, and with it the last bit, is the same in every run
    settings = {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": 1}
    results = openvino.Core().compile_model(probe, "CPU", settings)([_draw_noise(size)])
    return [np.array(results[number], np.float32) for number in range(len(layers))]


def _keep_bias_exact(layer: Layer, bias: Constant) -> None:
    from openvino import opset13

    users = list(layer.addition.output(0).get_target_inputs())
    clamped = opset13.clamp(layer.convolution.output(0), -UNREACHED, UNREACHED)
    sums = opset13.add(clamped, opset13.constant(bias))
    for user in users:
        user.replace_source_output(sums.output(0))


def _mark_exact(network: Any, names: set[str]) -> Any:
    """Mark nodes to keep float32, through OpenVINO's file format: its Python interface cannot."""
    import openvino

    with TemporaryDirectory() as folder:
        path, weights = Path(folder, "network.xml"), Path(folder, "network.bin")
        openvino.serialize(network, path, weights)
        root, data = ElementTree.fromstring(path.read_bytes()), weights.read_bytes()
    for layer in root.iter("layer"):
        if layer.get("name") in names:
            facts = layer.find("rt_info")
            facts = ElementTree.SubElement(layer, "rt_info") if facts is None else facts
            ElementTree.SubElement(facts, "attribute", name="precise", version="0")
    return openvino.Core().read_model(ElementTree.tostring(root), data)
