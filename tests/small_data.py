"""A small data set for a test to break."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facegender.data.validate import validate
from facegender.errors import UserError
from facegender.files.layout import Layout
from facegender.params.sections import DataParams, ValidateParams
from facegender.params.stage_params import ValidateStageParams

LENIENT = ValidateParams(max_quarantined=1.0)


class Data:
    """A data folder for a test to break: noise pictures a0..a9 with label 0, b0..b9 with label 1, t0..t3 in test.csv.

    Attributes
    ----------
    train, test, sample
        The rows of the three CSV files, which `run` writes.
    """

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder / "data", folder / "artifacts")
        self.layout.images.mkdir(parents=True)
        self.train = [f"{kind}{number}.png,{label}" for label, kind in enumerate("ab") for number in range(10)]
        self.test = [f"t{number}.png" for number in range(4)]
        self.sample = [f"{name},0" for name in self.test]
        for seed, row in enumerate(self.train + self.test):
            self.draw(row.split(",")[0], seed)

    def draw(self, name: str, seed: int, side: int = 40) -> Path:
        """Write a picture of noise."""
        pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(self.layout.images / name)
        return self.layout.images / name

    def run(self, params: ValidateParams = LENIENT, columns: DataParams | None = None) -> tuple[pd.DataFrame, Any]:
        """Write the CSV files and run `validate`; return index.parquet and validation.json."""
        layout = self.layout
        for path, header, rows in (
            (layout.train_csv, "image_names,class", self.train),
            (layout.test_csv, "image_names", self.test),
            (layout.sample_submission, "image_names,class", self.sample),
        ):
            path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        validate(layout, ValidateStageParams(data=columns or DataParams(), validation=params))
        index = pd.read_parquet(layout.index)
        return index, json.loads(layout.validation.read_text(encoding="utf-8"))

    def error(self, params: ValidateParams = LENIENT, columns: DataParams | None = None) -> str:
        """Run `validate`, which must fail and leave its outputs as they were; return the message."""
        before = self.outputs()
        with pytest.raises(UserError) as caught:
            self.run(params, columns)
        assert self.outputs() == before
        return str(caught.value)

    def outputs(self) -> list[bytes | None]:
        """Read index.parquet and validation.json; None for a missing file."""
        files = (self.layout.index, self.layout.validation)
        return [file.read_bytes() if file.exists() else None for file in files]


def reason(index: pd.DataFrame, name: str) -> Any:
    """Return why an image is quarantined, or None."""
    row = index.set_index("image").loc[name]
    assert (row["status"] == "ok") == pd.isna(row["reason"])
    return None if pd.isna(row["reason"]) else row["reason"]
