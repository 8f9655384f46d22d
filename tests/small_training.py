"""A small data set with the first two stages already run, for all tests of features, training and scoring."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegender.files.layout import Layout
from facegender.params.sections import Params

# the smallest MobileNetV2, on pictures of 64 pixels, with random weights: seconds instead of minutes
TINY = {
    "backbone": {"alpha": 0.35, "image_size": 64, "weights": "none"},
    "features": {"views": 2, "batch_size": 8, "precision": "float32"},  # `auto` depends on the processor
    "train": {"head_epochs": 1, "epochs": 2, "batch_size": 8, "patience": 5, "label_smoothing": 0.0},
}

# where numbers matter: with random weights, features and so gradients are almost 0
TRAINED: dict[str, object] = {"alpha": 1.0, "weights": "demo"}


def params_with(**changes: dict[str, object]) -> Params:
    """Return the tiny parameters with some values of a section changed."""
    merged = {name: {**values, **changes.get(name, {})} for name, values in TINY.items()}
    return Params.model_validate({**changes, **merged})


@dataclass(frozen=True)
class Workspace:
    """Folders of one test."""

    layout: Layout
    params: Params


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepare 40 labelled and 8 test pictures, validated and split; class 1 is the brighter half."""
    from facegender.data.split import split
    from facegender.data.validate import validate

    root = tmp_path_factory.mktemp("prepared")
    layout = Layout(root / "data", root / "artifacts")
    layout.images.mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = ["image_names,class"]
    for number in range(48):
        pixels = rng.integers(0, 160, (64, 64, 3)) + 90 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(layout.images / f"{number:02d}.png")
        lines.append(f"{number:02d}.png,{number % 2}")
    layout.train_csv.write_text("\n".join(lines[:41]) + "\n")
    layout.test_csv.write_text("\n".join(line.split(",")[0] for line in [lines[0], *lines[41:]]) + "\n")
    layout.sample_submission.write_text("\n".join([lines[0], *(f"{line[:-1]}0" for line in lines[41:])]) + "\n")
    params = Params()
    validate(layout, params)
    split(layout, params)
    return root


@pytest.fixture
def workspace(prepared: Path, tmp_path: Path) -> Workspace:
    """Copy the prepared folders for one test."""
    shutil.copytree(prepared, tmp_path / "work")
    return Workspace(Layout(tmp_path / "work/data", tmp_path / "work/artifacts"), params_with())
