"""review.html: the rows whose labels look most wrong, for a person to keep, flip or drop.

One self-contained file, which opens from disk without a network. Decisions stay in the browser until they are saved as
label_overrides.csv (see data/label_overrides.py), which goes into data/. Images with a decision there are not shown
again; the saved file carries those decisions along, so that it can take the place of the old one.
"""

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import jinja2
import markupsafe
import numpy as np
import pandas as pd

from facegender.data.label_overrides import COLUMNS, check_overrides
from facegender.data.tables import read_table
from facegender.decision.classes import label_name
from facegender.errors import UserError
from facegender.evaluation.pooled_features import Pooled, nearest
from facegender.features.store import FeatureStore, join_splits
from facegender.files.atomic import atomic_file
from facegender.files.json_files import read_json
from facegender.files.layout import Layout
from facegender.params.sections import EvaluateParams
from facegender.pictures.decode import Undecodable
from facegender.pictures.thumbnail import thumbnail
from facegender.review.label_judges import doubts
from facegender.runtime.prefetch import prefetch
from facegender.runtime.progress import track
from facegender.stages import require_outputs

logger = logging.getLogger(__name__)

NEIGHBOURS: Final = 6
LARGE: Final = 256  # pixels of a row's own picture, longer side
SMALL: Final = 112  # of a neighbour's


@dataclass(frozen=True)
class Decided:
    """Earlier decisions: rows of label_overrides.csv, as image, label, decision."""

    rows: list[list[str]]

    @property
    def images(self) -> set[str]:
        return {row[0] for row in self.rows}


def review(layout: Layout, params: EvaluateParams, count: int, out: Path) -> int:
    """Write the page of the `count` most suspect rows to `out`; return how many it shows.

    Raises
    ------
    UserError
        A stage before has not run, the features were not cached (online mode), every row is decided already, or an
        image can no longer be read.
    """
    require_outputs(layout, "validate", "split", "features")
    negative, positive = read_json(layout.validation)["classes"]
    classes = (negative, positive)
    splits = pd.read_parquet(layout.splits)
    suspects, judge = doubts(layout, splits, classes[1], params)
    logger.info("review: doubted by %s", judge)
    decided = read_decided(layout.label_overrides, classes)
    rows = suspects[~suspects["image"].isin(decided.images)].head(count)
    if not len(rows):
        remedy = f"Remove rows from {layout.label_overrides} to decide again."
        raise UserError("review", "some rows must be left to decide about", f"{len(suspects)} decided", remedy)
    neighbours = find_neighbours(layout.features, splits, rows["image"].tolist())
    links = quote(os.path.relpath(layout.images, out.parent)) + "/"
    content = page_content(rows, neighbours, splits, classes, decided) | {"folder": links, "judge": judge}
    pictures = embed(layout.images, rows["image"].tolist(), neighbours)
    with atomic_file(out) as file:
        file.write_text(render(content, pictures, classes), encoding="utf-8")
    return len(rows)


def read_decided(path: Path, classes: tuple[str, str]) -> Decided:
    """What label_overrides.csv holds, none where there is no such file.

    Raises
    ------
    UserError
        See `read_table` and `check_overrides`.
    """
    if not path.exists():
        return Decided([])
    table = read_table(path)
    check_overrides(table, classes)
    return Decided(table.frame[list(COLUMNS)].to_numpy(dtype=object).tolist())


def find_neighbours(features: Path, splits: pd.DataFrame, images: Sequence[str]) -> list[list[str]]:
    """Of each image the labelled ones most like it to the backbone, the likest first.

    Raises
    ------
    UserError
        The features were not cached (online mode), or made of other rows.
    """
    with FeatureStore(features) as store:
        if not store.views:
            remedy = "Set train.mode to features in params.yaml and run `facegender features`."
            raise UserError(str(features), "features must be cached to find like pictures", "online mode", remedy)
        names = join_splits(store, features, splits)["image"]
        rows = pd.Index(names).get_indexer(pd.Index(images)).astype(np.int64)
        places = nearest(Pooled(store), rows, NEIGHBOURS)
        return [names.iloc[row].tolist() for row in places]


def page_content(
    rows: pd.DataFrame,
    neighbours: list[list[str]],
    splits: pd.DataFrame,
    classes: tuple[str, str],
    decided: Decided,
) -> dict[str, Any]:
    """What the page's script works on, pictures apart.

    `key` names the browser's memory of decisions: the same for the same labels and earlier decisions, however many rows
    are shown, so that a page made again finds what was decided on it.
    """
    label_of = dict(zip(splits["image"], splits["label"], strict=True))
    labelled = sorted(f"{image}\t{label}" for image, label in label_of.items())
    state = json.dumps([labelled, decided.rows], ensure_ascii=False)
    shown = [
        {
            "image": image,
            "label": label,
            "probability": probability,
            "neighbours": [[name, label_of[name]] for name in names],
        }
        for image, label, probability, names in zip(
            rows["image"], rows["label"], rows["probability"].tolist(), neighbours, strict=True
        )
    ]
    return {
        "key": "facegender-review-" + hashlib.sha256(state.encode()).hexdigest()[:16],
        "classes": list(classes),
        "names": {label: label_name(label) for label in classes},
        "rows": shown,
        "decided": decided.rows,
    }


def embed(images: Path, large: Sequence[str], neighbours: list[list[str]]) -> dict[str, dict[str, str]]:
    """Pictures as data URIs: {"large": {name: URI}, "small": {name: URI}}; each name once, neighbours small.

    Raises
    ------
    UserError
        An image can no longer be read.
    """
    small = sorted({name for names in neighbours for name in names} - set(large))
    wanted = [(name, LARGE) for name in large] + [(name, SMALL) for name in small]
    pictures: dict[str, dict[str, str]] = {"large": {}, "small": {}}

    def read(item: tuple[str, int]) -> str | Undecodable:
        try:
            return thumbnail(images / item[0], item[1])
        except Undecodable as reason:
            return reason

    with track("review, pictures", len(wanted), "images") as advance:
        for (name, side), picture in zip(wanted, prefetch(read, wanted, os.cpu_count() or 1, ahead=64), strict=True):
            if isinstance(picture, Undecodable):
                expected = "an image must be as it was when `validate` read it"
                raise UserError(f"images/{name}", expected, picture, "Restore the file, or run the pipeline again.")
            pictures["large" if side == LARGE else "small"][name] = picture
            advance(1)
    return pictures


def render(content: dict[str, Any], pictures: dict[str, dict[str, str]], classes: tuple[str, str]) -> str:
    """The page: one self-contained HTML document."""
    folder = files("facegender.review") / "templates"
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("facegender.review"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "ensure_ascii": False}
    template = environment.get_template("review.html.j2")
    return template.render(
        css=markupsafe.Markup((folder / "review.css").read_text(encoding="utf-8")),
        script=markupsafe.Markup((folder / "review.js").read_text(encoding="utf-8")),
        content=content,
        pictures=pictures,
        count=len(content["rows"]),
        carried=len(content["decided"]),
        names=[label_name(label) for label in classes],
        judge=content["judge"],
    )
