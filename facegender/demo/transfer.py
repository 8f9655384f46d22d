"""Measure how well the frozen demo weights separate the demo's classes."""

from pathlib import Path

import numpy as np

from facegender.demo.dataset import SIDE, sample_portraits
from facegender.demo.portrait import paint
from facegender.network.demo_weights import DEMO_WEIGHTS, load_demo_weights

BATCH = 32


def frozen_accuracy(fitted: int, held_out: int, seed: int, path: Path = DEMO_WEIGHTS) -> float:
    """Return the accuracy on `held_out` drawings of a logistic regression on the frozen backbone's pooled features.

    It is fitted on `fitted` other drawings, all of 224 x 224 pixels; 5-fold cross-validation among them chooses the
    strength of the regularisation.
    """
    import keras
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    backbone = keras.applications.MobileNetV2(
        input_shape=(SIDE, SIDE, 3), include_top=False, weights=None, pooling="avg"
    )
    load_demo_weights(backbone, path)
    portraits = sample_portraits(fitted + held_out, seed)
    families = np.array([traits.family for traits in portraits])
    features = []
    for start in range(0, len(portraits), BATCH):
        pixels = np.stack([np.asarray(paint(traits, SIDE, SIDE)) for traits in portraits[start : start + BATCH]])
        features.append(np.asarray(backbone(pixels.astype(np.float32) / 127.5 - 1, training=False)))
    pooled = np.concatenate(features)
    rule = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    search = GridSearchCV(rule, {"logisticregression__C": [1e-4, 1e-3, 1e-2, 1e-1]}, cv=5)
    search.fit(pooled[:fitted], families[:fitted])
    return float(search.score(pooled[fitted:], families[fitted:]))
