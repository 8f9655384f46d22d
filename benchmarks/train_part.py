"""Part `train`: to a model. The plain scripts; ours with its features, and what becomes cheap once they are there."""

import functools
import tempfile
from pathlib import Path

from benchmarks.child import Result, python, run
from benchmarks.peers import Peer
from benchmarks.setting import Setting
from benchmarks.workspace import multiply, prepare, stage_run, write_params

OURS, AGAIN, FOLDS, ONLINE = "ours", "ours, again", "ours, cross-validation", "ours online, all layers"
PLAIN = "keras ImageDataGenerator"
ONLINE_IMAGES = 800  # three quarters labelled, and hardly any of those to validate, which is no training


def peers(setting: Setting) -> dict[str, Peer]:
    """All of them on the rows of one split."""

    @functools.cache
    def root() -> Path:
        folder = prepare(setting.data, setting.root / "work", setting.changes)
        rate = {"train": {**setting.changes.get("train", {}), "learning_rate": 0.0005}}
        write_params(folder / "again.yaml", {**setting.changes, **rate})
        return folder.resolve()

    def ours(way: str) -> Result:
        if way != "fresh":
            # those of `ours` are there, unless its run was kept and its folder was not: then they are made, unmeasured
            stage_run(root(), "features")
        return run(python("benchmarks.train_ours", way), root(), setting.tell)

    def script(module: str) -> Result:
        rows = (root() / "data/images", root() / "rows.csv", setting.weights, setting.size, setting.epochs)
        command = python(module, *rows)
        if module == "benchmarks.train_torch":
            command[0] = setting.bench
        return run(command, tell=setting.tell)

    ways = {
        OURS: functools.partial(ours, "fresh"),
        PLAIN: functools.partial(script, "benchmarks.train_keras"),
        "keras tf.data": functools.partial(script, "benchmarks.train_tf_data"),
        "pytorch torchvision": functools.partial(script, "benchmarks.train_torch"),
        AGAIN: functools.partial(ours, "again"),
        FOLDS: functools.partial(ours, "folds"),
        ONLINE: lambda: _online(setting),
    }
    return {name: Peer(go, setting.long_repeats) for name, go in ways.items()}


def _online(setting: Setting) -> Result:
    """The whole backbone on raw images, few of them: an epoch's images a second do not depend on how many there are."""
    whole = {"mode": "online", "fine_tune_layers": "all", "head_epochs": 0, "epochs": 2}
    with tempfile.TemporaryDirectory(dir=setting.root) as folder:
        root = Path(folder)
        multiply(setting.data, root / "data", ONLINE_IMAGES)
        write_params(root / "params.yaml", {**setting.changes, "train": whole, "split": {"validation": 0.02}})
        return run(python("benchmarks.train_online"), root, setting.tell)
