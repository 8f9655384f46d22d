"""Part `score`: from JPEG files to a CSV of probabilities, with the model that ours has trained."""

import functools
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmarks.child import Result, module_command, run_child
from benchmarks.peers import Peer
from benchmarks.setting import Setting
from benchmarks.workspace import prepare_workspace, run_stage

ENGINE_ALONE = "engine alone"


def list_peers(setting: Setting) -> dict[str, Peer]:
    """Return the peers of the part; the first one that runs trains a model if there is none yet."""

    @functools.cache
    def prepare_root() -> Path:
        folder = prepare_workspace(setting.data, setting.root / "work", setting.changes).resolve()
        if not (folder / "artifacts/model/model.keras").exists():
            for stage in ("features", "train"):
                run_stage(folder, stage)
        return folder

    def run_script(module: str, out: str) -> Result:
        root = prepare_root()
        files = (root / "data/images", root / "rows.csv", root / "artifacts/model", root / out)
        return run_child(module_command(module, *files), log=setting.log)

    def run_onnx() -> Result:
        root, python = prepare_root(), setting.bench_python
        model = root / "model.onnx"
        converted = run_child(module_command("benchmarks.to_onnx", root / "artifacts/model", model, python=python))
        if "failed" in converted:
            return converted
        files = (root / "data/images", root / "rows.csv", model, root / "onnx.csv")
        return run_child(module_command("benchmarks.score_onnx", *files, python=python), log=setting.log)

    def run_engine() -> Result:
        root = prepare_root()
        count = len(pd.read_csv(root / "rows.csv"))
        return run_child(module_command("benchmarks.score_engine", count, root / "artifacts/model"))

    runs: dict[str, Callable[[], Result]] = {
        "ours": lambda: run_script("benchmarks.score_ours", "ours.csv"),
        "keras predict, flow_from_dataframe": lambda: run_script("benchmarks.score_keras", "keras.csv"),
        "keras predict, tf.data": lambda: run_script("benchmarks.score_tf_data", "tf.csv"),
        "onnx runtime": run_onnx,
        ENGINE_ALONE: run_engine,
    }
    return {name: Peer(run, setting.repeats) for name, run in runs.items()}
