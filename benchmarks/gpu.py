"""Measure images per second on a GPU: features, training and scoring, in float32 and in mixed precision.

Batches are ready in memory, so this measures the device and what feeds it, not decoding. Writes
benchmarks/results/gpu.json, which `python -m benchmarks write` puts into docs/benchmarks.md.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import gpu_table
from benchmarks.json_file import write_json
from benchmarks.machine import describe_machine
from benchmarks.timing import Workload, consume, time_in_turns
from facegender.params.sections import Params
from facegender.runtime.tensorflow_import import import_tensorflow

RESULTS = Path(__file__).parent / "results"
PRECISIONS = {"float32": "off", "mixed": "on"}  # the values of train.mixed_precision


@dataclass(frozen=True)
class Counts:
    """How much is run: a GPU needs some seconds of work for a rate; on a CPU a few images show that the code runs."""

    images: int
    batch_sizes: Sequence[int]
    rounds: int


def build_workloads(params: Params, batch_size: int, images: int, resources: ExitStack) -> dict[str, Workload]:
    """Return features, training and scoring as the stages run them; a call works on all images.

    `resources` closes the files that they use.
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
        fit = build_training(classifier, params, batch_size, images, resources)
    side = params.backbone.image_size
    pictures = np.random.default_rng(0).integers(0, 256, (batch_size, side, side, 3)).astype(np.uint8)

    def run_engine(engine: TensorFlowEngine) -> Callable[[], None]:
        return lambda: consume(engine.map(pictures for _ in range(images // batch_size)))

    return {
        "features": run_engine(TensorFlowEngine(classifier.frozen)),
        "training": fit,
        "scoring": run_engine(TensorFlowEngine(classifier.whole)),
    }


def build_training(classifier: Any, params: Params, batch_size: int, images: int, resources: ExitStack) -> Workload:
    """Return an epoch of the tuned part on features from a file, with the stage's network, optimizer and loss."""
    from facegender.features.store import Float16Rows
    from facegender.network.fused_batch_norm import fuse_tuned_part
    from facegender.training.batches import FeatureBatches, Rows
    from facegender.training.loop import Phase, compile_model, make_optimizer
    from facegender.training.tf_dataset import as_dataset

    shape = classifier.frozen.output.shape[1:]
    rng = np.random.default_rng(0)
    file = Float16Rows.create(
        Path(resources.enter_context(tempfile.TemporaryDirectory())) / "features.npy", images, shape
    )
    resources.callback(file.close)
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


def measure(params: Params, counts: Counts) -> list[dict[str, Any]]:
    """Return images per second by workload, batch size and precision; the two precisions run in turn."""
    from facegender.network.device import prepare

    rows = []
    for batch_size in counts.batch_sizes:
        images = max(1, counts.images // batch_size) * batch_size  # full batches: a smaller one is compiled again
        with ExitStack() as resources:
            by_precision = {
                name: build_workloads(with_precision(params, value), batch_size, images, resources)
                for name, value in PRECISIONS.items()
            }
            for work in by_precision["float32"]:
                # the first round traces, compiles and tunes
                times = time_in_turns({name: here[work] for name, here in by_precision.items()}, counts.rounds)
                rates = {name: round(images / median(took.wall for took in runs), 1) for name, runs in times.items()}
                rows.append({"work": work, "batch_size": batch_size, "images": images, **rates})
                print(rows[-1], file=sys.stderr, flush=True)
    prepare(params.train.seed, "off")  # Keras has one precision for the whole process
    return rows


def with_precision(params: Params, value: str) -> Params:
    """Return the parameters with another `train.mixed_precision`."""
    return params.model_copy(update={"train": params.train.model_copy(update={"mixed_precision": value})})


def list_gpus() -> list[str]:
    """Return the names of the GPUs that TensorFlow sees."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu", help="cpu: only try that the code runs")
    parser.add_argument("--images", type=int, help="images per round (default: 8192 on a GPU, 64 on a CPU)")
    parser.add_argument(
        "--batch-sizes", type=int, nargs="+", help="default: 32, as in params.yaml, and on a GPU also 256"
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each workload runs")
    parser.add_argument("--alpha", type=float, default=1.0, help="width of MobileNetV2")
    parser.add_argument("--image-size", type=int, default=224, help="pixels of a side")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder for the raw numbers")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and keep the raw numbers."""
    asked = parse_arguments(arguments)
    on_cpu = asked.device == "cpu"
    if on_cpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    import_tensorflow()
    names = list_gpus()
    if not (on_cpu or names):
        raise SystemExit(
            "No GPU is visible to TensorFlow, so nothing was measured. Check for a driver with `nvidia-smi`, and "
            "install CUDA with `pip install -e '.[gpu]'`. `--device cpu` runs the same code on the processor."
        )
    backbone = {"alpha": asked.alpha, "image_size": asked.image_size, "weights": "none"}
    images = asked.images or (64 if on_cpu else 8192)
    counts = Counts(images, asked.batch_sizes or ([32] if on_cpu else [32, 256]), asked.rounds)
    content = {
        "machine": describe_machine("tensorflow", "keras"),
        "devices": names or [f"no GPU: {platform.machine()} processor"],
        "network": f"MobileNetV2, alpha {asked.alpha}, {asked.image_size} x {asked.image_size}",
        "rows": measure(Params.model_validate({"backbone": backbone}), counts),
    }
    print("\n".join(gpu_table.render(content)))
    # figures of a CPU never pass for those of a GPU
    write_json(asked.results / ("gpu.json" if names else "gpu_code_on_cpu.json"), content)


if __name__ == "__main__":
    main()
