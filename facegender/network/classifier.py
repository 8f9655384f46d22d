"""The classifier: scaling, backbone, pooling, dropout, one unit; and its two parts, which share its layers."""

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
    """One set of layers, seen in several ways.

    whole
        image (n, s, s, 3), RGB in [0, 255] -> probability of the positive class (n, 1) float32.
    frozen
        image -> features at the cut; None where everything trains.
    tuned
        What training fits: features at the cut, or the image where everything trains -> logit (n, 1).
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
    params: BackboneParams, weights_of: keras.Model, cut: Cut, train: TrainParams, cached: bool
) -> Classifier:
    """Join the parts; the backbone is `weights_of`, built anew layer by layer with its weights.

    Scaling is inside, so that nobody can feed the wrong range. What lies before the cut does not train, and does in
    training what it does in inference.
    The unit starts at zero: as long as it has learnt nothing, no gradient passes through it and spoils what the
    backbone has been taught.
    With `train.batch_norm` = "inference" no BatchNorm trains, which in Keras 3 also keeps its statistics; passing
    `training=False` when calling a backbone does not (keras issue 20285). `cached` says whether training reads
    features at the cut or images.
    """
    image = keras.Input((params.image_size, params.image_size, 3), name="image")
    scaling = ARCHITECTURES[params.name].scaling if params.name in ARCHITECTURES else "inside"
    frozen_names = {layer.name for layer in weights_of.layers[: len(weights_of.layers) - cut.trained]}
    output, copies = rebuild(weights_of, scale_pixels(scaling, image), train.seed, inactive=frozen_names)
    layers = [copies[layer.name] for layer in weights_of.layers if layer.name in copies]
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
    # with nothing of the backbone to train, what is cached is the pooled vector, 49 times smaller
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
