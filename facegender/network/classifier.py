"""The classifier (scaling, backbone, pooling, dropout, one output unit) and its two parts, which share its layers."""

from dataclasses import dataclass

import keras

from facegender.network.applications import scale_pixels
from facegender.network.backbone import Cut
from facegender.network.rebuild import rebuild
from facegender.params.architectures import ARCHITECTURES
from facegender.params.sections import BackboneParams, TrainParams

POOL = "pool"


@dataclass(frozen=True)
class Classifier:
    """Models that share one set of layers.

    Attributes
    ----------
    whole
        Image (n, s, s, 3), RGB in [0, 255] -> probability of the positive class (n, 1) float32.
    frozen
        Image -> features at the cut; None if training reads images.
    tuned
        The part that is trained: features at the cut, or the image if training reads images -> logit (n, 1).
    to_pool
        The same input -> pooled vector (n, channels).
    head
        Pooled vector -> logit.
    """

    whole: keras.Model
    frozen: keras.Model | None
    tuned: keras.Model
    to_pool: keras.Model
    head: keras.Model


def build_classifier(
    params: BackboneParams, backbone: keras.Model, cut: Cut, train: TrainParams, cached: bool
) -> Classifier:
    """Build the classifier around a copy of `backbone`, layer by layer and with its weights.

    - Scaling is inside, so that nobody can feed the wrong range.
    - Layers before the cut do not train, and run in inference mode during training.
    - The output unit starts at zero: until it has learnt something, it passes no gradient that could spoil the
      backbone's weights.
    - With `train.batch_norm` = "inference" no BatchNorm trains, which in Keras 3 also freezes its statistics; passing
      `training=False` when calling a backbone does not (keras issue 20285).

    `cached`: whether training reads features at the cut, or images.
    """
    image = keras.Input((params.image_size, params.image_size, 3), name="image")
    scaling = ARCHITECTURES[params.name].scaling if params.name in ARCHITECTURES else "inside"
    frozen_names = {layer.name for layer in backbone.layers[: len(backbone.layers) - cut.trained]}
    output, copies = rebuild(backbone, scale_pixels(scaling, image), train.seed, inactive=frozen_names)
    layers = [copies[layer.name] for layer in backbone.layers if layer.name in copies]
    pooled = keras.layers.GlobalAveragePooling2D(name=POOL)(output)
    dropped = keras.layers.Dropout(train.dropout, seed=train.seed, name="dropout")(pooled)
    unit = keras.layers.Dense(1, kernel_initializer="zeros", dtype="float32", name="logit")
    logit = unit(dropped)
    probability = keras.layers.Activation("sigmoid", dtype="float32", name="probability")(logit)

    _set_trainable(layers, cut, train.batch_norm)
    whole = keras.Model(image, probability, name="facegender")
    head = keras.Model(pooled, logit, name="head")
    if cut.layer is None or not cached:
        return Classifier(whole, None, keras.Model(image, logit), keras.Model(image, pooled), head)
    # if nothing of the backbone trains, the pooled vector is cached, which is 49 times smaller
    if cut.trained == 0:
        as_it_is = keras.layers.Identity(name="as_it_is")(pooled)
        frozen = keras.Model(image, pooled, name="frozen")
        return Classifier(whole, frozen, head, keras.Model(pooled, as_it_is), head)
    border = next(operation for operation in whole.operations if operation.name == cut.layer).output
    frozen = keras.Model(image, border, name="frozen")
    return Classifier(whole, frozen, keras.Model(border, logit), keras.Model(border, pooled), head)


def _set_trainable(layers: list[keras.Layer], cut: Cut, batch_norm: str) -> None:
    frozen = len(layers) - cut.trained
    for position, layer in enumerate(layers):
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = position >= frozen and not (is_norm and batch_norm == "inference")
