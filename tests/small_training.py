"""A small real data set and the first two stages run on it, for all tests of features, training and scoring."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegender.files.layout import Layout
from facegender.params.sections import Params

# the smallest MobileNetV2 there is, on pictures of 64 pixels, from random weights: seconds instead of minutes
TINY = {
    "backbone": {"alpha": 0.35, "image_size": 64, "weights": "none"},
    "features": {"views": 2, "batch_size": 8, "precision": "float32"},  # `auto` follows the processor
    "train": {"head_epochs": 1, "epochs": 2, "batch_size": 8, "patience": 5, "label_smoothing": 0.0},
}

# for where numbers count: of random weights features, and with them gradients, are next to nothing
TRAINED: dict[str, object] = {"alpha": 1.0, "weights": "demo"}


def params_with(**changes: dict[str, object]) -> Params:
    """The tiny parameters with some of a section's values changed."""
    merged = {name: {**values, **changes.get(name, {})} for name, values in TINY.items()}
    return Params.model_validate({**changes, **merged})


@dataclass(frozen=True)
class Workspace:
    """Folders of one test."""

    layout: Layout
    params: Params


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of 40 labelled and 8 test pictures, validated and split: class 1 is the brighter half."""
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
    """A copy of the prepared folders."""
    shutil.copytree(prepared, tmp_path / "work")
    return Workspace(Layout(tmp_path / "work/data", tmp_path / "work/artifacts"), params_with())
