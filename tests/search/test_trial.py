"""A trial equals the training of its parameters, and a killed search continues after its last trial."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from facegender.params.presets import read_preset
from facegender.search.study import Pruned
from tests.search.test_study import SPACE
from tests.small_training import TINY, Workspace


@pytest.mark.slow
def test_a_trial_equals_the_training_of_its_parameters(workspace: Workspace) -> None:
    from facegender.features.features import features
    from facegender.search.trial import trainer
    from facegender.training.train import train

    layout = workspace.layout
    features(layout, workspace.params)
    changes = {"train.learning_rate": 0.002, "train.dropout": 0.25}
    changed = workspace.params.train.model_copy(update={"learning_rate": 0.002, "dropout": 0.25})
    train(layout, workspace.params.model_copy(update={"train": changed}))
    expected = pd.read_csv(layout.model / "history.csv")

    run = trainer(layout, workspace.params, layout.resume / "search/here")
    first = run(0, {"train.learning_rate": 0.01, "train.dropout": 0.5}, lambda row: False)
    with pytest.raises(Pruned):
        run(1, {"train.learning_rate": 0.02, "train.dropout": 0.5}, lambda row: row["phase"] == "fine_tune")
    assert list((layout.resume / "search/here/training").iterdir()) == []
    (layout.resume / "search/here/pooled_of_other_code.npy").touch()
    found = trainer(layout, workspace.params, layout.resume / "search/here")(2, changes, lambda row: False)
    assert len(list((layout.resume / "search/here").glob("pooled*.npy"))) == 1
    assert len(found.history) == 3
    for column in ("loss", "val_loss", "val_accuracy"):
        assert np.array_equal([row[column] for row in found.history], expected[column])
    assert first.history[-1]["val_loss"] != found.history[-1]["val_loss"]


@pytest.mark.slow
def test_a_killed_search_continues(workspace: Workspace, tmp_path: Path) -> None:
    from facegender.features.features import features

    features(workspace.layout, workspace.params)
    params = tmp_path / "params.yaml"
    search = {"trials": 4, "startup": 2, "pruner": "none", "space": SPACE}
    params.write_text(yaml.safe_dump({**TINY, "search": search}))
    layout = workspace.layout
    options = ["--params", str(params), "--data", str(layout.data), "--artifacts", str(layout.artifacts)]
    command = [sys.executable, "-m", "facegender", "search", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "search: 2 of 4 trials" in line:
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "search: 2 of 4 trials" in again.stderr
    assert "search: 3 of 4 trials" in again.stderr
    assert "search: 1 of 4 trials" not in again.stderr
    assert again.stdout.count("finished") == 4 + 1  # and once in the text below the table
    assert set(read_preset(str(layout.search), params)) == set(SPACE)
