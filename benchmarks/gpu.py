"""Images a second on a GPU: features, training of the tuned part and scoring, in float32 and in mixed precision.

Batches are ready in memory: what is measured is the device and what feeds it, not decoding. Writes
benchmarks/results/gpu.json, which `python -m benchmarks write` puts into docs/benchmarks.md.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.gpu_table import table
from benchmarks.machine import machine
from facegender.params.sections import Params
from facegender.runtime.tensorflow_import import import_tensorflow

RESULTS = Path(__file__).parent / "results"
PRECISIONS = {"float32": "off", "mixed": "on"}  # and what train.mixed_precision is then


@dataclass(frozen=True)
class Counts:
    """How much is run. A small count on a CPU shows that it works; a GPU needs some seconds of work to tell a rate."""

    images: int
    batch_sizes: Sequence[int]
    rounds: int


def works(params: Params, batch_size: int, images: int, held: ExitStack) -> dict[str, Callable[[], Any]]:
    """The three works as the stages do them, with what each needs ready; calling one does it on all images.

    `held` closes what they hold open.
    """
    from facegender.network.backbone import choose_cut, load_backbone
    from facegender.network.classifier import build_classifier
    from facegender.network.device import choose_strategy, prepare
    from facegender.network.engine import TensorFlowEngine

    prepare(params.train.seed, params.train.mixed_precision)
    with choose_strategy().scope():
        backbone = load_backbone(params.backbone, params.backbone.weights, params.train.seed)
        cut = choose_cut(backbone, params.train.fine_tune_layers)
        classifier = build_classifier(params.backbone, backbone, cut, params.train, cached=True)
        fit = training(classifier, params, batch_size, images, held)
    side = params.backbone.image_size
    pictures = np.random.default_rng(0).integers(0, 256, (batch_size, side, side, 3)).astype(np.uint8)

    def run(engine: TensorFlowEngine) -> Callable[[], None]:
        return lambda: consume(engine.map(pictures for _ in range(images // batch_size)))

    return {
        "features": run(TensorFlowEngine(classifier.frozen)),
        "training": fit,
        "scoring": run(TensorFlowEngine(classifier.whole)),
    }


def training(classifier: Any, params: Params, batch_size: int, images: int, held: ExitStack) -> Callable[[], Any]:
    """One epoch of the tuned part on features from a file, by the network, optimizer and loss of the stage `train`."""
    from facegender.features.store import RowFile
    from facegender.network.fused_batch_norm import fuse_tuned_part
    from facegender.training.batches import FeatureBatches, Rows
    from facegender.training.loop import Phase, compile_model, make_optimizer
    from facegender.training.tf_dataset import as_dataset

    shape = classifier.frozen.output.shape[1:]
    rng = np.random.default_rng(0)
    file = RowFile.create(Path(held.enter_context(tempfile.TemporaryDirectory())) / "features.npy", images, shape)
    held.callback(file.close)
    for row in range(images):
        file.write(row, rng.standard_normal(shape, np.float32))
    places = np.arange(images)
    rows = Rows(places, (places % 2).astype(np.float32), np.ones(images, np.float32), np.zeros_like(places))
    model, phase = (
        fuse_tuned_part(classifier),
        Phase("fine_tune", 100, params.train.learning_rate, params.train.warmup_epochs),
    )
    steps = images // batch_size
    compile_model(model, make_optimizer(phase, steps, params.train.weight_decay), params.train.label_smoothing)
    return lambda: model.fit(as_dataset(FeatureBatches([file], rows, batch_size)), shuffle=False, verbose=0)


def consume(results: Iterable[Any]) -> None:
    """Wait for every result."""
    for _ in results:
        pass


def measure(params: Params, counts: Counts) -> list[dict[str, Any]]:
    """Images a second by work, batch size and precision; the two precisions take turns."""
    from facegender.network.device import prepare

    rows = []
    for batch_size in counts.batch_sizes:
        images = max(1, counts.images // batch_size) * batch_size  # full batches: a last, smaller one is compiled anew
        with ExitStack() as held:
            ready = {
                name: works(with_precision(params, switch), batch_size, images, held)
                for name, switch in PRECISIONS.items()
            }
            for work in next(iter(ready.values())):
                seconds: dict[str, list[float]] = {name: [] for name in ready}
                for turn in range(counts.rounds + 1):  # the first traces, compiles and tunes: it does not count
                    for name, here in ready.items():
                        began = time.perf_counter()
                        here[work]()
                        if turn:
                            seconds[name].append(time.perf_counter() - began)
                rates = {name: round(images / median(taken), 1) for name, taken in seconds.items()}
                rows.append({"work": work, "batch_size": batch_size, "images": images, **rates})
                print(rows[-1], file=sys.stderr, flush=True)
    prepare(params.train.seed, "off")  # Keras's precision is one for the whole process
    return rows


def with_precision(params: Params, switch: str) -> Params:
    """The same parameters with another `train.mixed_precision`."""
    return params.model_copy(update={"train": params.train.model_copy(update={"mixed_precision": switch})})


def device_names() -> list[str]:
    """The GPUs that TensorFlow sees, by their makers' names."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and keep the raw numbers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu", help="cpu: to see that it works")
    parser.add_argument("--images", type=int, help="of a round; 8192 on a GPU, 64 on a CPU")
    parser.add_argument("--batch-sizes", type=int, nargs="+", help="32, the default of params.yaml, and 256 on a GPU")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--alpha", type=float, default=1.0, help="width of MobileNetV2")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    if asked.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    import_tensorflow()
    names = device_names()
    if asked.device == "gpu" and not names:
        raise SystemExit(
            "No GPU is visible to TensorFlow, so nothing was measured. `nvidia-smi` tells whether there is a driver, "
            "`pip install -e '.[gpu]'` brings CUDA. `--device cpu` runs the same code on the processor."
        )
    backbone = {"alpha": asked.alpha, "image_size": asked.image_size, "weights": "none"}
    small = asked.device == "cpu"
    counts = Counts(
        asked.images or (64 if small else 8192), asked.batch_sizes or ([32] if small else [32, 256]), asked.rounds
    )
    content = {
        "machine": machine("tensorflow", "keras"),
        "devices": names or [f"no GPU: {platform.machine()} processor"],
        "network": f"MobileNetV2, alpha {asked.alpha}, {asked.image_size} x {asked.image_size}",
        "rows": measure(Params.model_validate({"backbone": backbone}), counts),
    }
    print("\n".join(table(content)))
    asked.results.mkdir(parents=True, exist_ok=True)
    # what ran on a CPU never stands for a GPU's figures
    path = asked.results / ("gpu.json" if names else "gpu_code_on_cpu.json")
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
