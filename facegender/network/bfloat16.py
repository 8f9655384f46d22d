"""A network made fit for bfloat16, which keeps 8 of the 24 bits that float32 has of a number.

Run as it is, MobileNetV2 loses most in three places, and each is mended here without another forward pass:

- Rounded weights. Behind a ReLU6 inputs are positive, so that the weights' errors add up to the same wrong sum in every
  picture. What they add up to goes into the bias (Nagel et al. 2019, "Data-free quantization through weight
  equalization and bias correction", 4.2); the means are those of drawn noise, so that the correction of a network does
  not depend on the data.
- Rounded biases. OpenVINO rounds a convolution's bias, but not what is added behind an activation; a clamp that changes
  nothing keeps the bias out of the convolution.
- The first convolutions, whose outputs cancel out in the next. They run in float32, which costs next to nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

Constant = npt.NDArray[np.float32]  # weights or biases of a layer, as the network holds them

EXACT_LAYERS: Final = 3  # convolutions from the input on that stay in float32
NOISE_PICTURES: Final = 16  # pictures of noise that the mean inputs are taken of
UNREACHED: Final = 1e30  # beyond any value in a network


@dataclass(frozen=True)
class Layer:
    """A convolution with constant weights, and the addition of its constant bias."""

    convolution: Any
    addition: Any

    @property
    def weights(self) -> Constant:
        """Of the convolution, in its own shape."""
        return _read_constant(self.convolution)

    @property
    def bias(self) -> Constant:
        """(1, channels, 1, 1)."""
        return _read_constant(self.addition)


def adapt_to_bfloat16(network: Any) -> Any:
    """An `openvino.Model` of the same function that loses less when it runs in bfloat16.

    Parameters
    ----------
    network
        An `openvino.Model`, uint8 (b, s, s, 3) -> anything, its shape fixed. It stays as it is.
    """
    from openvino import opset13

    adapted = network.clone()
    _fuse_batch_norm(adapted)
    layers = _find_layers(adapted)
    rest = layers[_count_exact(layers) :]
    corrections = _measure_corrections(adapted, rest)
    for layer, correction in zip(rest, corrections, strict=True):
        _keep_bias_exact(layer, layer.bias + correction.reshape(layer.bias.shape))
        # here, not by OpenVINO: a processor without bfloat16 then runs what the corrections are for
        layer.convolution.input(1).replace_source_output(opset13.constant(round_to_bfloat16(layer.weights)).output(0))
    return _mark_exact(adapted, {layer.convolution.get_friendly_name() for layer in layers[: _count_exact(layers)]})


def _fuse_batch_norm(network: Any) -> None:
    """Fuse every BatchNorm into weights and biases, in place.

    By a private part of OpenVINO: its compiler does the same, but only after the network has left our hands.
    """
    from openvino._offline_transformations import apply_moc_transformations

    apply_moc_transformations(network, cf=False)


def round_to_bfloat16(values: Constant) -> Constant:
    """The nearest bfloat16, to even where two are as near, as float32."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return nearest.astype(np.uint32).view(np.float32)


def _read_constant(node: Any) -> Constant:
    return np.array(node.input(1).get_source_output().get_node().get_data(), np.float32)


def _has_constant(node: Any) -> bool:
    return str(node.input(1).get_source_output().get_node().get_type_name()) == "Constant"


def _users(node: Any) -> list[Any]:
    return [target.get_node() for target in node.output(0).get_target_inputs()]


def _find_layers(network: Any) -> list[Layer]:
    found = []
    for node in network.get_ordered_ops():
        if node.get_type_name() in ("Convolution", "GroupConvolution") and _has_constant(node):
            users = _users(node)
            if [user.get_type_name() for user in users] == ["Add"] and _has_constant(users[0]):
                found.append(Layer(node, users[0]))
    return found


def _count_exact(layers: list[Layer]) -> int:
    """How many stay in float32: none with a skip connection, whose sum OpenVINO cannot make of two precisions."""
    for number, layer in enumerate(layers[:EXACT_LAYERS]):
        if any(user.get_type_name() == "Add" for user in _users(layer.addition)):
            return number
    return EXACT_LAYERS


def _draw_noise(size: int) -> npt.NDArray[np.uint8]:
    """Pictures uint8 (NOISE, size, size, 3) with, as photographs have, the more contrast the coarser the detail."""
    rng = np.random.default_rng(2026)
    pictures = np.zeros((NOISE_PICTURES, size, size, 3))
    for grid in (2, 4, 8, 16, 32, 64):
        place = np.arange(size) * grid // size
        for channels in (1, 3):  # of all colours alike, and of each by itself
            patches = rng.normal(size=(NOISE_PICTURES, grid, grid, channels))
            pictures += patches[:, place][:, :, place] / np.sqrt(grid * channels)
    pictures += rng.normal(scale=0.3, size=(NOISE_PICTURES, 1, 1, 1))  # brighter and darker ones
    pixels: npt.NDArray[np.uint8] = np.clip(127.5 + 60 * pictures / pictures.std(), 0, 255).astype(np.uint8)
    return pixels


def _measure_corrections(network: Any, layers: list[Layer]) -> list[Constant]:
    """What each layer's output lacks on average, by channel, when its weights are rounded."""
    import openvino
    from openvino import opset13

    if not layers:
        return []
    size = network.input(0).shape[1]
    lacking = []
    for layer in layers:
        node = layer.convolution
        has = node.get_attributes()
        convolve = opset13.convolution if node.get_type_name() == "Convolution" else opset13.group_convolution
        lost = convolve(
            node.input(0).get_source_output(),
            opset13.constant(layer.weights - round_to_bfloat16(layer.weights)),
            *(has[name] for name in ("strides", "pads_begin", "pads_end", "dilations", "auto_pad")),
        )
        lacking.append(opset13.reduce_mean(lost, opset13.constant([0, 2, 3]), keep_dims=False))
    probe = openvino.Model([opset13.result(mean) for mean in lacking], network.get_parameters()).clone()
    probe.reshape([NOISE_PICTURES, size, size, 3])
    # one thread: the order of adding up, and so the last bit, is the same in every run
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
    """These nodes marked to keep float32, which OpenVINO's Python cannot do but its file format can."""
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
