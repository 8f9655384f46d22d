"""A small data set with known suspect labels; write its review page and read the data in it."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegender.features.store import Manifest, view_file
from facegender.files.float16_rows import Float16Rows
from facegender.files.layout import Layout
from facegender.params.sections import EvaluateParams
from facegender.review.page import review
from tests.small_data import Data

ODD = 'odd, "name" <&>é.png'


def cache_features(layout: Layout, wrong: set[str], views: int = 1) -> None:
    """Cache features that separate the classes, except for the images `wrong`, which look like the other class."""
    folder = layout.features
    folder.mkdir(exist_ok=True)
    rows = pd.read_parquet(layout.splits)[["image", "label"]]
    Manifest({}, {}, "cut", 30, [2, 2, 20], views, {}, 1, "float32").write(folder)
    rows[["image"]].to_parquet(folder / "rows.parquet")
    file = Float16Rows.create(view_file(folder, 0), len(rows), (2, 2, 20))
    rng = np.random.default_rng(0)
    for row, (image, label) in enumerate(rows.itertuples(index=False)):
        side = 1.0 if (label == "1") != (image in wrong) else -1.0
        file.write(row, rng.normal(side, 0.5, (2, 2, 20)))
    file.close()


def write_page(data: Data, count: int = 200) -> Path:
    review(data.layout, EvaluateParams(), count, data.layout.review)
    return data.layout.review


def read_content(page: Path, name: str = "content") -> Any:
    found = re.search(rf'id="{name}">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return json.loads(found[1])
