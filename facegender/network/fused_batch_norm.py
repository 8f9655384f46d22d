"""The tuned part as training runs it: frozen BatchNorm fused into the convolution before it, 1x1 as matrix products.

BatchNorm in inference mode is y = x * s + b with constants s = gamma / sqrt(variance + epsilon) and
b = beta - mean * s. After a convolution, the kernel is multiplied by s at every step. The kernel itself still trains,
and its gradient is exact. Each fused pair saves passes over the largest arrays of a step.
"""

from typing import Any

import keras
import tensorflow as tf

from facegender.network.classifier import Classifier
from facegender.network.device import has_gpu
from facegender.network.keras_graph import find_producer, list_inputs

CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
UNCHANGED = (
    keras.layers.Add,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.InputLayer,
    keras.layers.ReLU,
    keras.layers.ZeroPadding2D,
)


def fuse_tuned_part(classifier: Classifier) -> keras.Model:
    """Build the model that `fit` runs: fused where that is exact and faster, which is on one CPU; else `trains` itself.

    Both have the same variables, those of `classifier.trains`.
    """
    part = classifier.to_pool
    if has_gpu() or tf.distribute.has_strategy() or classifier.tuned is classifier.head or not can_fuse(part):
        return classifier.tuned
    features = keras.Input(part.input.shape[1:], name="features")
    return keras.Model(features, classifier.head(FusedPart(part)(features)), name="fused_part")


def can_fuse(part: keras.Model) -> bool:
    """Whether this module knows every layer of `part`, all in float32 and every BatchNorm frozen."""
    return all(_is_known(operation) for operation in part.operations)


def _is_known(layer: Any) -> bool:
    if not isinstance(layer, keras.Layer) or layer.compute_dtype != "float32":
        return False  # `+` and `*` between layers are operations, not layers
    if isinstance(layer, keras.layers.BatchNormalization):
        return not layer.trainable and layer.axis in (-1, 3)
    if isinstance(layer, keras.layers.DepthwiseConv2D) and layer.depth_multiplier != 1:
        return False
    if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
        plain = not layer.use_bias and layer.activation is keras.activations.linear
        return plain and layer.data_format == "channels_last" and layer.dilation_rate == (1, 1)
    return isinstance(layer, UNCHANGED)


class FusedPart(keras.layers.Layer):
    """The function of a functional model, on that model's own variables.

    Input and output are the model's: features at the cut (n, h, w, c) -> pooled vector (n, channels).
    """

    def __init__(self, part: keras.Model) -> None:
        super().__init__(name="fused")
        self.part = part
        users: dict[str, list[keras.Layer]] = {}
        for layer in part.layers:
            for name in list_inputs(layer):
                users.setdefault(name, []).append(layer)
        self._norm_of: dict[str, keras.layers.BatchNormalization] = {}
        self._relu_of: dict[str, keras.layers.ReLU] = {}
        for layer in part.layers:
            if not isinstance(layer, CONVOLUTIONS):
                continue
            following = users.get(layer.name, [])
            if [type(user) for user in following] == [keras.layers.BatchNormalization]:
                self._norm_of[layer.name] = following[0]
                following = users.get(following[0].name, [])
            if len(following) == 1 and isinstance(following[0], keras.layers.ReLU) and _is_relu6(following[0]):
                self._relu_of[layer.name] = following[0]

    def call(self, features: Any) -> Any:
        """Run the layers in order, fused pairs as one."""
        values: dict[str, Any] = {}
        fused = {layer.name for layer in (*self._norm_of.values(), *self._relu_of.values())}
        for layer in self.part.layers:
            if isinstance(layer, keras.layers.InputLayer):
                continue
            # at a valid cut the input is the only tensor from before it
            sources = [values.get(name, features) for name in list_inputs(layer)]
            if layer.name in fused:
                values[layer.name] = sources[0]
            elif isinstance(layer, CONVOLUTIONS):
                relu6 = layer.name in self._relu_of
                values[layer.name] = _convolve(layer, self._norm_of.get(layer.name), relu6, sources[0])
            elif isinstance(layer, keras.layers.BatchNormalization):
                scale, shift = _scale_and_shift(layer)
                values[layer.name] = sources[0] * scale + shift
            elif isinstance(layer, keras.layers.ReLU) and _is_relu6(layer):
                values[layer.name] = tf.nn.relu6(sources[0])
            else:
                values[layer.name] = layer(sources if len(sources) > 1 else sources[0])
        return values[find_producer(self.part.output)]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Called by Keras."""
        return self.part.compute_output_shape(input_shape)


def _is_relu6(layer: keras.layers.ReLU) -> bool:
    return (layer.max_value, layer.negative_slope, layer.threshold) == (6.0, 0.0, 0.0)


def _scale_and_shift(norm: keras.layers.BatchNormalization) -> tuple[Any, Any]:
    scale = tf.math.rsqrt(norm.moving_variance + norm.epsilon)
    if norm.scale:
        scale *= norm.gamma
    shift = -norm.moving_mean * scale
    return scale, shift + norm.beta if norm.center else shift


def _convolve(layer: Any, norm: keras.layers.BatchNormalization | None, relu6: bool, inputs: Any) -> Any:
    """Run a convolution, its BatchNorm and its ReLU6 in the order that TensorFlow compiles to a single kernel."""
    kernel = tf.convert_to_tensor(layer.kernel)
    shift = None
    if norm is not None:
        scale, shift = _scale_and_shift(norm)
        kernel *= scale[:, None] if isinstance(layer, keras.layers.DepthwiseConv2D) else scale
    strides = (1, *layer.strides, 1)
    padding = layer.padding.upper()
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        result = convolve_depthwise(inputs, kernel, strides, padding)
    elif layer.kernel_size == (1, 1) and layer.strides == (1, 1) and layer.groups == 1:
        # reshaped, not sliced: the gradient of a slice is a copy into zeros
        product = tf.matmul(tf.reshape(inputs, (-1, kernel.shape[2])), tf.reshape(kernel, kernel.shape[2:]))
        flat = _finish(product, shift, relu6)
        return tf.reshape(flat, (tf.shape(inputs)[0], *inputs.shape[1:3], kernel.shape[3]))
    else:
        result = tf.nn.conv2d(inputs, kernel, strides, padding)
    return _finish(result, shift, relu6)


def _finish(result: Any, shift: Any, relu6: bool) -> Any:
    result = result if shift is None else tf.nn.bias_add(result, shift)
    return tf.nn.relu6(result) if relu6 else result


def convolve_depthwise(inputs: Any, kernel: Any, strides: tuple[int, int, int, int], padding: str) -> Any:
    """Convolve float32 (n, h, w, c) depthwise with a kernel (a, b, c, 1).

    With stride 1, a kernel of odd sides and SAME padding, the gradient with respect to the input is the same
    convolution with the kernel rotated by 180 degrees. On CPUs TensorFlow runs that faster than the gradient that it
    derives itself.
    """
    if strides != (1, 1, 1, 1) or padding != "SAME" or not all(side % 2 for side in kernel.shape[:2]):
        return tf.nn.depthwise_conv2d(inputs, kernel, strides, padding)

    @tf.custom_gradient
    def convolve(inputs: Any, kernel: Any) -> Any:
        def gradient(above: Any) -> tuple[Any, Any]:
            by_kernel = tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
                input=inputs, filter_sizes=kernel.shape, out_backprop=above, strides=strides, padding=padding
            )
            return tf.nn.depthwise_conv2d(above, tf.reverse(kernel, (0, 1)), strides, padding), by_kernel

        return tf.nn.depthwise_conv2d(inputs, kernel, strides, padding), gradient

    return convolve(inputs, kernel)
