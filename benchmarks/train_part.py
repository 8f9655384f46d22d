"""Part `train`: train a model. Ours with its features, what these make cheap afterwards, and the plain scripts."""

import functools
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.child import Result, module_command, run_child
from benchmarks.peers import Peer
from benchmarks.setting import Setting
from benchmarks.workspace import multiply_data, prepare_workspace, run_stage, write_changed_params

OURS = "ours"
SECOND = "ours, second training"
CROSS_VALIDATION = "ours, cross-validation"
ONLINE = "ours, whole backbone online"
PLAIN = "keras ImageDataGenerator"
ONLINE_IMAGES = 800  # three quarters are labelled; few of these validate, so that training takes nearly all the time


def list_peers(setting: Setting) -> dict[str, Peer]:
    """Return the peers of the part; all but the online training work on the rows of one split."""

    @functools.cache
    def prepare_root() -> Path:
        folder = prepare_workspace(setting.data, setting.root / "work", setting.changes)
        rate = {"train": {**setting.changes.get("train", {}), "learning_rate": 0.0005}}
        write_changed_params(folder / "second.yaml", {**setting.changes, **rate})
        return folder.resolve()

    def run_ours(what: str) -> Result:
        if what != "first":
            # not measured; there is nothing to compute after `ours`, unless its folder was deleted
            run_stage(prepare_root(), "features")
        return run_child(module_command("benchmarks.train_ours", what), prepare_root(), setting.log)

    def run_script(module: str, python: str = sys.executable) -> Result:
        root = prepare_root()
        arguments = (root / "data/images", root / "rows.csv", setting.weights, setting.image_size, setting.epochs)
        return run_child(module_command(module, *arguments, python=python), log=setting.log)

    runs: dict[str, Callable[[], Result]] = {
        OURS: lambda: run_ours("first"),
        PLAIN: lambda: run_script("benchmarks.train_keras"),
        "keras tf.data": lambda: run_script("benchmarks.train_tf_data"),
        "pytorch torchvision": lambda: run_script("benchmarks.train_torch", setting.bench_python),
        SECOND: lambda: run_ours("second"),
        CROSS_VALIDATION: lambda: run_ours("folds"),
        ONLINE: lambda: train_online(setting),
    }
    return {name: Peer(run, setting.long_repeats) for name, run in runs.items()}


def train_online(setting: Setting) -> Result:
    """Train the whole backbone from few images: images per second do not depend on how many there are."""
    whole = {"mode": "online", "fine_tune_layers": "all", "head_epochs": 0, "epochs": 2}
    with tempfile.TemporaryDirectory(dir=setting.root) as folder:
        root = Path(folder)
        multiply_data(setting.data, root / "data", ONLINE_IMAGES)
        write_changed_params(root / "params.yaml", {**setting.changes, "train": whole, "split": {"validation": 0.02}})
        return run_child(module_command("benchmarks.train_online"), root, setting.log)
