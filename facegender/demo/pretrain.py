"""Train the demo's backbone weights, `facegender/network/demo_mobilenet_v2.npz`: `python -m facegender.demo.pretrain`.

MobileNetV2 (alpha 1.0) learns from scratch to predict what was drawn in 10,000 portraits: proportions, pose, light,
colours, hair, headwear. It never sees a family label. Its targets are the five proportions that differ between the
families and 51 traits that are independent of the family. It trains for 2,600 steps at 96 pixels and 150 at 224, in
batches of 32. Then the kernels are quantised, and the BatchNorm statistics are recomputed on the quantised network.

Cost: 34 minutes on 2 cores that four other processes were using (22 at 96 pixels, 10 at 224).
Result: at 96 pixels 0.18 of the proportions' variance is unexplained. A logistic regression on the frozen backbone's
pooled features, fitted on 480 drawings of 224 pixels, has an accuracy of 0.902 on 480 others (95% interval 0.872 to
0.926); the best possible classifier reaches 0.937. `--measure` measures this accuracy again for the existing file.
Another machine may round differently and give other bytes of similar quality.
"""

import argparse
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from facegender.demo.material import Material, draw_material
from facegender.demo.transfer import frozen_accuracy
from facegender.network.demo_weights import DEMO_WEIGHTS, backbone_variables, round_kernel, write_weights
from facegender.runtime.progress import track

if TYPE_CHECKING:
    import keras

SMALL_SIDE: Final = 96
SIDE: Final = 224
BATCH: Final = 32
CALIBRATION_BATCHES: Final = 60
CALIBRATION_MOMENTUM: Final = 0.95
FITTED: Final = 480
HELD_OUT: Final = 480
MEASURE_SEED: Final = 2027  # no drawing of it occurs in the pretraining or in the demo

log = logging.getLogger(__name__)


def pretrain(out: Path, steps: int, large_steps: int, drawings: int, seed: int) -> None:
    """Train a backbone on drawings from scratch, quantise its kernels, recompute BatchNorm statistics, write the file.

    Parameters
    ----------
    out
        The .npz file to write.
    steps, large_steps
        Optimizer steps at 96 pixels, and then at 224 pixels (both in batches of 32).
    drawings
        Number of drawings at 96 pixels; a fifth of it at 224.
    """
    small = draw_material(drawings, SMALL_SIDE, seed)
    large = draw_material(drawings // 5, SIDE, seed)

    import keras

    keras.utils.set_random_seed(seed)
    backbone = keras.applications.MobileNetV2(input_shape=(None, None, 3), include_top=False, weights=None)
    set_momentum(backbone, 0.9)  # the application's 0.999 is meant for 100 times as many steps
    features = keras.layers.GlobalAveragePooling2D()(backbone.output)
    model = keras.Model(backbone.input, keras.layers.Dense(small.targets.shape[1])(features))

    _fit(model, small, steps, 2e-3, seed)
    _fit(model, large, large_steps, 5e-4, seed + 1)

    for name, variable in backbone_variables(backbone).items():
        if name.endswith("/kernel"):
            variable.assign(round_kernel(np.asarray(variable)))
    _recompute_batch_norm(backbone, large)
    write_weights({name: np.asarray(variable) for name, variable in backbone_variables(backbone).items()}, out)


def set_momentum(model: "keras.Model", momentum: float) -> None:
    """Set the momentum of every BatchNorm layer."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum


def batches(material: Material, size: int, rng: np.random.Generator) -> Iterator[tuple[npt.NDArray[np.float32], ...]]:
    """Yield batches from endless shuffled passes over the drawings, half of the pictures mirrored.

    Yields
    ------
    pixels float32 (size, side, side, 3) in [-1, 1], with varied brightness; targets float32 (size, t).

    Raises
    ------
    ValueError
        There are fewer drawings than `size`.
    """
    count = len(material.pixels)
    if size > count:
        raise ValueError(f"batches of {size} need at least as many drawings. Received: {count}.")
    while True:
        order = rng.permutation(count)
        for start in range(0, count - size + 1, size):
            chosen = order[start : start + size]
            pixels, targets = material.pixels[chosen].astype(np.float32), material.targets[chosen]
            mirrored = rng.random(size) < 0.5
            pixels[mirrored] = pixels[mirrored, :, ::-1]
            targets[mirrored] *= material.mirror
            light = rng.uniform(0.85, 1.15, (size, 1, 1, 1)).astype(np.float32)
            yield np.clip(pixels * light, 0, 255) / 127.5 - 1, targets


def _fit(model: "keras.Model", material: Material, steps: int, rate: float, seed: int) -> None:
    import keras
    import tensorflow as tf

    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 20, steps - steps // 20, alpha=0.0, warmup_target=rate, warmup_steps=max(1, steps // 20)
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01)
    optimizer.build(model.trainable_variables)
    weights = tf.constant(material.weights / material.weights.sum())

    @tf.function
    def step(pixels: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            errors = tf.reduce_mean(tf.square(model(pixels, training=True) - targets), axis=0)
            loss = tf.reduce_sum(errors * weights)
        optimizer.apply(tape.gradient(loss, model.trainable_variables))
        return errors

    source = batches(material, BATCH, np.random.default_rng(seed))
    start = time.monotonic()
    mean = np.ones_like(material.weights)
    with track(f"pretrain at {material.pixels.shape[1]} px", steps, "steps") as advance:
        for done in range(1, steps + 1):
            mean += (np.asarray(step(*next(source))) - mean) * max(0.02, 1 / done)
            advance(1)
            if done % 100 == 0 or done == steps:
                seconds, fine = time.monotonic() - start, mean[material.weights > 1].mean()
                log.info(
                    "step %d, %.0f s: unexplained variance %.3f, of proportions %.3f", done, seconds, mean.mean(), fine
                )


def _recompute_batch_norm(backbone: "keras.Model", material: Material) -> None:
    """Recompute the BatchNorm statistics for the quantised kernels, at the side that the pipeline uses."""
    import tensorflow as tf

    set_momentum(backbone, CALIBRATION_MOMENTUM)
    forward = tf.function(lambda pixels: backbone(pixels, training=True))
    source = batches(material, BATCH, np.random.default_rng(0))
    for _ in range(CALIBRATION_BATCHES):
        pixels, _targets = next(source)
        forward(pixels)


def main() -> None:
    """Read the arguments, train, and measure the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=DEMO_WEIGHTS)
    parser.add_argument("--steps", type=int, default=2600, help="optimizer steps at 96 px")
    parser.add_argument("--large-steps", type=int, default=150, help="optimizer steps at 224 px")
    parser.add_argument("--drawings", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--measure", action="store_true", help="train nothing; only measure the existing file")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if not arguments.measure:
        pretrain(arguments.out, arguments.steps, arguments.large_steps, arguments.drawings, arguments.seed)
    accuracy = frozen_accuracy(FITTED, HELD_OUT, MEASURE_SEED, arguments.out)
    log.info(
        "frozen backbone, logistic regression on %d drawings: accuracy %.3f on %d others", FITTED, accuracy, HELD_OUT
    )


if __name__ == "__main__":
    main()
