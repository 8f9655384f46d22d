"""Several devices: the same code on two logical CPUs, in a process of its own: TensorFlow divides a CPU only once."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pytest

from facegender.features import features
from facegender.train import train
from tests.training.conftest import Workspace, params_with

ON_TWO = """
import json
import sys
from pathlib import Path
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from facegender.device import strategy
from facegender.layout import Layout
from facegender.train import train
from tests.training.conftest import params_with
assert strategy().num_replicas_in_sync == 2
root = Path(sys.argv[1])
train(Layout(root / "data", root / "artifacts"), params_with(train=json.loads(sys.argv[2])))
"""
PACED = {"ema": 0.9, "layer_decay": 0.5, "unfreeze": 1, "sampling": "balanced"}


@pytest.mark.parametrize("changes", [{}, {"mode": "online"}, PACED], ids=["features", "online", "paced"])
def test_two_devices_train_as_one(workspace: Workspace, checkout: Path, changes: dict[str, object]) -> None:
    changes = {"dropout": 0.0, **changes}
    layout, params = workspace.layout, params_with(train=changes)
    features(layout, params)
    train(layout, params)
    alone = pd.read_csv(layout.model / "history.csv")
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ON_TWO), str(layout.data.parent), json.dumps(changes)],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    mirrored = pd.read_csv(layout.model / "history.csv")
    # each replica sees half of a batch; their sums differ from the whole batch's by float32 rounding
    assert mirrored["loss"].tolist() == pytest.approx(alone["loss"].tolist(), rel=1e-3)
    assert mirrored["val_loss"].tolist() == pytest.approx(alone["val_loss"].tolist(), rel=1e-3)
