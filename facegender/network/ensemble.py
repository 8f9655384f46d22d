"""The ensemble of all folds as one network: the frozen part once, then every fold's tuned part, then their mean."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy.typing as npt

from facegender.network.classifier import Classifier

BORDER = "cut"


def build_ensemble(classifier: Classifier, weights: Sequence[Sequence[npt.NDArray[Any]]]) -> keras.Model:
    """Join trained classifiers of one architecture with equal frozen parts.

    Parameters
    ----------
    classifier
        The architecture; its tuned part reads features at the cut, if there is one. Its weights are overwritten.
    weights
        The weights of each member's whole network, as `get_weights` returns them.

    Returns
    -------
    keras.Model
        Image (n, s, s, 3), RGB in [0, 255] -> mean probability of the positive class (n, 1) float32. The members are
        layers `fold_0` and up, after a layer `cut`.
    """
    whole, tuned = classifier.whole, classifier.tuned
    source = classifier.frozen.output if classifier.frozen else whole.input
    border = keras.layers.Identity(name=BORDER)(source)
    probabilities = []
    for fold, arrays in enumerate(weights):
        whole.set_weights(arrays)
        copy = keras.models.clone_model(tuned)
        copy.set_weights(tuned.get_weights())
        member = keras.Model(copy.input, copy.output, name=f"fold_{fold}")
        squash = keras.layers.Activation("sigmoid", dtype="float32", name=f"probability_{fold}")
        probabilities.append(squash(member(border)))
    mean = keras.layers.Average(dtype="float32", name="probability")(probabilities)
    return keras.Model(whole.input, mean, name="facegender")
