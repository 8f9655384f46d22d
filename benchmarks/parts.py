"""What is measured: each part runs its peers and us, interleaved, and returns raw results by name."""

import functools
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.child import interleaved, python, run
from benchmarks.workspace import LABELLED, multiply, prepare, stage_run, write_params

Results = dict[str, Any]
STAGES = ("validate", "split", "features", "train", "evaluate", "submit")
ONLINE = "ours online, all layers"
ONLINE_IMAGES = 800  # three quarters labelled, a fifth of those to validate: 480 train, 15 batches an epoch
JUDGED = 0.9  # of the labelled rows, where `evaluate` is to judge as many rows as the others have images


@dataclass(frozen=True)
class Setting:
    """What every part is told. `changes` are parameters that differ from the defaults; `bench` is the Python that has
    the packages of benchmarks/requirements.txt; `images` caps the memory part."""

    data: Path
    root: Path
    weights: str
    changes: dict[str, dict[str, object]]
    bench: str
    repeats: int
    long_repeats: int
    epochs: int
    sizes: tuple[int, ...]
    tell: Callable[[str], None]

    @property
    def size(self) -> int:
        """Pixels of a side."""
        return int(str(self.changes.get("backbone", {}).get("image_size", 224)))


def train(setting: Setting) -> Results:
    """To a model: the plain scripts, ours with its features, and ours again with another learning rate."""
    root = prepare(setting.data, setting.root / "work", setting.changes)
    rate = {"train": {**setting.changes.get("train", {}), "learning_rate": 0.0005}}
    write_params(root / "again.yaml", {**setting.changes, **rate})
    rows = (root.resolve() / "data/images", root.resolve() / "rows.csv", setting.weights, setting.size, setting.epochs)
    torch = [setting.bench, *python("benchmarks.train_torch", *rows)[1:]]
    results = interleaved(
        {
            "ours": lambda: run(python("benchmarks.train_ours", "fresh"), root),
            "keras ImageDataGenerator": lambda: run(python("benchmarks.train_keras", *rows)),
            "keras tf.data": lambda: run(python("benchmarks.train_tf_data", *rows)),
            "pytorch torchvision": lambda: run(torch),
            "ours, again": lambda: run(python("benchmarks.train_ours", "again"), root),
        },
        setting.long_repeats,
        setting.tell,
    )
    return results | interleaved({ONLINE: lambda: _online(setting)}, setting.long_repeats, setting.tell)


def _online(setting: Setting) -> dict[str, Any]:
    """The whole backbone on raw images, few of them: an epoch's images a second do not depend on how many there are."""
    whole = {"mode": "online", "fine_tune_layers": "all", "head_epochs": 0, "epochs": 2}
    with tempfile.TemporaryDirectory(dir=setting.root) as folder:
        root = Path(folder)
        multiply(setting.data, root / "data", ONLINE_IMAGES)
        write_params(root / "params.yaml", {**setting.changes, "train": whole})
        return run(python("benchmarks.train_online"), root)


def score(setting: Setting) -> Results:
    """JPEG files to a CSV, with the model that ours trained (trained here if there is none)."""
    root = prepare(setting.data, setting.root / "work", setting.changes).resolve()
    model = root / "artifacts/model"
    if not (model / "model.keras").exists():
        for stage in ("features", "train"):
            stage_run(root, stage)
    names = root / "rows.csv"
    files = (root / "data/images", names)
    onnx = root / "model.onnx"
    converted = run([setting.bench, "-m", "benchmarks.to_onnx", str(model), str(onnx)])
    by_onnx = [setting.bench, *python("benchmarks.score_onnx", *files, onnx, root / "onnx.csv")[1:]]
    count = len(pd.read_csv(names))
    return interleaved(
        {
            "ours": lambda: run(python("benchmarks.score_ours", *files, model, root / "ours.csv")),
            "keras predict, flow_from_dataframe": lambda: run(
                python("benchmarks.score_keras", *files, model, root / "keras.csv")
            ),
            "keras predict, tf.data": lambda: run(python("benchmarks.score_tf_data", *files, model, root / "tf.csv")),
            "onnx runtime": lambda: converted if "failed" in converted else run(by_onnx),
            "engine alone": lambda: run(python("benchmarks.score_engine", count, model)),
        },
        setting.repeats,
        setting.tell,
    )


def validate(setting: Setting) -> Results:
    """A folder of images; ours also checks the CSVs, hashes perceptually and groups."""
    root = prepare(setting.data, setting.root / "work", setting.changes).resolve()
    images = root / "data/images"
    lab = [setting.bench, "-m", "benchmarks.validate_cleanvision", str(images)]
    return interleaved(
        {
            "ours": lambda: run(python("facegender", "validate"), root),
            "pillow loop, sha-256": lambda: run(python("benchmarks.validate_pillow", images)),
            "cleanvision": lambda: run(lab),
        },
        setting.repeats,
        setting.tell,
    )


def memory(setting: Setting) -> Results:
    """Peak resident set of every stage, by number of images: a small network on links to the same pictures.

    And of `evaluate` where that many rows are to be judged. Once each: what a stage keeps of an image does not depend
    on the network, and a peak hardly varies.
    """
    small = {
        **setting.changes,
        "backbone": {"alpha": 0.35, "image_size": 32, "weights": "none"},
        "features": {"views": 1},
        "train": {"head_epochs": 1, "epochs": 1, "batch_size": 128},
        "evaluate": {"bootstrap": 50},
    }
    every_row = {**small, "split": {"validation": JUDGED}}
    peaks: dict[str, dict[str, int]] = {}
    for n in setting.sizes:
        for stage, peak in _peaks(setting, n, small).items():
            peaks.setdefault(stage, {})[str(n)] = peak
        judged = _peaks(setting, round(n / JUDGED / LABELLED), every_row, STAGES[:5])
        peaks.setdefault("evaluate, all judged", {})[str(n)] = judged.get("evaluate", 0)
    return peaks


def _peaks(
    setting: Setting, n: int, changes: dict[str, dict[str, object]], stages: Sequence[str] = STAGES
) -> dict[str, int]:
    """kB of each stage on `n` images, up to one that fails."""
    peaks = {}
    with tempfile.TemporaryDirectory(dir=setting.root) as folder:
        root = Path(folder)
        multiply(setting.data, root / "data", n)
        write_params(root / "params.yaml", changes)
        for stage in stages:
            result = run(python("facegender", stage), root)
            setting.tell(f"  {stage}, {n:,} images: {result}")
            if "failed" in result:
                break
            peaks[stage] = int(result["peak_kb"])
    return peaks


def orchestration(setting: Setting) -> Results:
    """Plain functions in a row, `dvc repro`, the Prefect flow, over the same drawn data; and again, nothing to do."""
    here = Path.cwd()
    root = setting.root / "orchestration"
    shutil.rmtree(root, ignore_errors=True)
    bin_of = Path(sys.executable).parent
    commands = {
        "plain functions": python("benchmarks.in_a_row"),
        "dvc repro": [str(bin_of / "dvc"), "repro"],
        "prefect flow": python("flows.retrain"),
    }
    folders = {name: root / name.replace(" ", "_") for name in commands}
    for folder in folders.values():
        run(["git", "clone", "--quiet", str(here), str(folder)])
        run(python("facegender", "demo", "--images", 200, "--out", "data"), folder)
        write_params(folder / "params.yaml", {**QUICK})
        run([str(bin_of / "dvc"), "add", "data"], folder)
    results: Results = {}
    for name, command in commands.items():
        results[name] = [run(command, folders[name])]
        setting.tell(f"  {name}: {results[name][0]}")
    again = {
        f"{name}, nothing to do": functools.partial(run, commands[name], folders[name])
        for name in ("dvc repro", "prefect flow")
    }
    return results | interleaved(again, setting.repeats, setting.tell)


QUICK: dict[str, dict[str, object]] = {
    "backbone": {"alpha": 0.35, "image_size": 96, "weights": "none"},
    "features": {"views": 1},
    "train": {"head_epochs": 1, "epochs": 1},
    "evaluate": {"bootstrap": 50},
}

PARTS: dict[str, tuple[Callable[[Setting], Results], str]] = {
    "validate": (validate, "about 4 minutes"),
    "score": (score, "about 10 minutes, and a training where none is there"),
    "orchestration": (orchestration, "about 6 minutes"),
    "train": (train, "about 35 minutes a repeat"),
    "memory": (memory, "about half an hour for 100,000 images"),
}
