"""What is measured: each part gives its peers, us among them; benchmarks.peers runs them in turn."""

import functools
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks import orchestration_part, train_part
from benchmarks.child import Result, python, run
from benchmarks.peers import Peer
from benchmarks.setting import Setting
from benchmarks.workspace import LABELLED, multiply, prepare, stage_run, write_params

STAGES = ("validate", "split", "features", "train", "evaluate", "submit")
JUDGED = 0.9  # of the labelled rows, where `evaluate` is to judge as many rows as the others have images


@dataclass(frozen=True)
class Part:
    """`peers` does no work before one is run; `code`: patterns of the files whose change makes runs obsolete."""

    peers: Callable[[Setting], dict[str, Peer]]
    told: str
    code: tuple[str, ...]
    uses_data: bool = True


def score(setting: Setting) -> dict[str, Peer]:
    """JPEG files to a CSV, with the model that ours trained (trained here if there is none)."""

    @functools.cache
    def root() -> Path:
        folder = prepare(setting.data, setting.root / "work", setting.changes).resolve()
        if not (folder / "artifacts/model/model.keras").exists():
            for stage in ("features", "train"):
                stage_run(folder, stage)
        return folder

    def by(module: str, out: str) -> Result:
        files = (root() / "data/images", root() / "rows.csv", root() / "artifacts/model", root() / out)
        return run(python(module, *files), tell=setting.tell)

    def onnx() -> Result:
        model = root() / "model.onnx"
        converted = run([setting.bench, "-m", "benchmarks.to_onnx", str(root() / "artifacts/model"), str(model)])
        files = (root() / "data/images", root() / "rows.csv", model, root() / "onnx.csv")
        command = [setting.bench, *python("benchmarks.score_onnx", *files)[1:]]
        return converted if "failed" in converted else run(command, tell=setting.tell)

    def engine() -> Result:
        count = len(pd.read_csv(root() / "rows.csv"))
        return run(python("benchmarks.score_engine", count, root() / "artifacts/model"))

    ways: dict[str, Callable[[], Result]] = {
        "ours": lambda: by("benchmarks.score_ours", "ours.csv"),
        "keras predict, flow_from_dataframe": lambda: by("benchmarks.score_keras", "keras.csv"),
        "keras predict, tf.data": lambda: by("benchmarks.score_tf_data", "tf.csv"),
        "onnx runtime": onnx,
        "engine alone": engine,
    }
    return {name: Peer(go, setting.repeats) for name, go in ways.items()}


def validate(setting: Setting) -> dict[str, Peer]:
    """A folder of images; ours also checks the CSVs, hashes perceptually and groups."""

    @functools.cache
    def root() -> Path:
        return prepare(setting.data, setting.root / "work", setting.changes).resolve()

    ways: dict[str, Callable[[], Result]] = {
        "ours": lambda: run(python("facegender", "validate"), root()),
        "pillow loop, sha-256": lambda: run(python("benchmarks.validate_pillow", root() / "data/images")),
        "cleanvision": lambda: run(
            [setting.bench, "-m", "benchmarks.validate_cleanvision", str(root() / "data/images")], tell=setting.tell
        ),
    }
    return {name: Peer(go, setting.repeats) for name, go in ways.items()}


def memory(setting: Setting) -> dict[str, Peer]:
    """Peak resident set of every stage, by number of images: a small network on links to the same pictures.

    And of `evaluate` where that many rows are to be judged. Once each: what a stage keeps of an image does not depend
    on the network, and a peak hardly varies.
    """
    small = {
        **setting.changes,
        "backbone": {"alpha": 0.35, "image_size": 32, "weights": "none"},
        "features": {"views": 1},
        "train": {"head_epochs": 1, "epochs": 1, "batch_size": 128},
    }
    every_row = {**small, "split": {"validation": JUDGED}}

    def peaks(n: int) -> Result:
        found, failed = _peaks(setting, n, small)
        judged, also = _peaks(setting, round(n / JUDGED / LABELLED), every_row, STAGES[:5])
        found["evaluate, all judged"] = judged.get("evaluate", 0)
        return {"peaks": found} | failed | also

    return {str(n): Peer(functools.partial(peaks, n), 1) for n in setting.sizes}


def _peaks(
    setting: Setting, n: int, changes: dict[str, dict[str, object]], stages: Sequence[str] = STAGES
) -> tuple[dict[str, int], dict[str, str]]:
    """kB of each stage on `n` images, up to one that fails, and what that one said."""
    peaks = {}
    with tempfile.TemporaryDirectory(dir=setting.root) as folder:
        root = Path(folder)
        multiply(setting.data, root / "data", n)
        write_params(root / "params.yaml", changes)
        for stage in stages:
            result = run(python("facegender", stage), root, setting.tell)
            setting.tell(f"    {stage}, {n:,} images: {result}")
            if "failed" in result:
                return peaks, {"failed": f"{stage}: {result['failed']}"}
            peaks[stage] = int(result["peak_kb"])
    return peaks, {}


OURS = ("facegender/**/*.py", "benchmarks/child.py", "benchmarks/parts.py", "benchmarks/workspace.py")
ORCHESTRATION = (
    "benchmarks/orchestration_part.py",
    "benchmarks/in_a_row.py",
    "flows/**/*.py",
    "tasks/**/*.py",
    "dvc.yaml",
    "params.yaml",
)
TRAIN = ("benchmarks/train_*.py", "benchmarks/keras_network.py")
PARTS = {
    "validate": Part(validate, "about 4 minutes", (*OURS, "benchmarks/validate_*.py")),
    "score": Part(
        score,
        "about 10 minutes, and a training where none is there",
        (*OURS, "benchmarks/score_*.py", "benchmarks/to_onnx.py"),
    ),
    "orchestration": Part(
        orchestration_part.peers,
        "about 6 minutes",
        (*OURS, *ORCHESTRATION),
        uses_data=False,
    ),
    "train": Part(train_part.peers, "over an hour a repeat", (*OURS, *TRAIN)),
    "memory": Part(memory, "about half an hour for 100,000 images", OURS),
}
