"""Run the `facegender` command with pixels scaled to [0, 1], as plain scripts feed MobileNetV2, not to [-1, 1].

No parameter does this, and none should: the network's ImageNet weights were trained on [-1, 1].
"""

from facegender.runtime.tensorflow_import import import_tensorflow

import_tensorflow()

import keras  # noqa: E402

from facegender.cli.app import main  # noqa: E402
from facegender.network import classifier as model  # noqa: E402

build = model.build_classifier


def build_scaled(*arguments: object, **options: object) -> model.Classifier:
    """Build the same network with a layer `scale` that divides by 255."""
    classifier = build(*arguments, **options)  # type: ignore[arg-type]
    layer = classifier.whole.get_layer("scale")
    assert isinstance(layer, keras.layers.Rescaling)
    layer.scale, layer.offset = 1 / 255, 0.0
    return classifier


model.build_classifier = build_scaled  # before any stage imports it
main()
