"""Write review.html: the rows whose labels look most wrong, for a person to keep, flip or drop.

The page is one self-contained file, which opens from disk without a network. Decisions stay in the browser until they
are saved as label_overrides.csv (see data/label_overrides.py), which goes into data/. Images with a decision in that
file are not shown again; the newly saved file includes the earlier decisions and replaces the old file.
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
from facegender.review.label_judges import rank_suspects
from facegender.runtime.prefetch import prefetch
from facegender.runtime.progress import track
from facegender.stages import require_outputs

logger = logging.getLogger(__name__)

NEIGHBOURS: Final = 6
LARGE: Final = 256  # pixels, longer side of the reviewed picture
SMALL: Final = 112  # pixels, longer side of a neighbour


@dataclass(frozen=True)
class EarlierDecisions:
    """The rows of label_overrides.csv: image, label, decision."""

    rows: list[list[str]]

    @property
    def images(self) -> set[str]:
        """Names of the images with a decision."""
        return {row[0] for row in self.rows}


def review(layout: Layout, params: EvaluateParams, count: int, out: Path) -> int:
    """Write the page with the `count` most suspect rows to `out`; return how many rows it shows.

    Raises
    ------
    UserError
        An earlier stage has not run, the features were not cached (online mode), every row has a decision already, or
        an image can no longer be read.
    """
    require_outputs(layout, "validate", "split", "features")
    negative, positive = read_json(layout.validation)["classes"]
    classes = (negative, positive)
    splits = pd.read_parquet(layout.splits)
    suspects, judge = rank_suspects(layout, splits, positive, params)
    logger.info("review: labels judged by %s", judge)
    decided = read_decisions(layout.label_overrides, classes)
    rows = suspects[~suspects["image"].isin(decided.images)].head(count)
    if not len(rows):
        remedy = f"Remove rows from {layout.label_overrides} to review them again."
        raise UserError("review", "some rows must still be undecided", f"{len(suspects)} decided", remedy)
    neighbours = find_neighbours(layout.features, splits, rows["image"].tolist())
    links = quote(os.path.relpath(layout.images, out.parent)) + "/"
    content = build_content(rows, neighbours, splits, classes, decided) | {"folder": links, "judge": judge}
    pictures = embed_pictures(layout.images, rows["image"].tolist(), neighbours)
    with atomic_file(out) as file:
        file.write_text(render_page(content, pictures, classes), encoding="utf-8")
    return len(rows)


def read_decisions(path: Path, classes: tuple[str, str]) -> EarlierDecisions:
    """Read the decisions in label_overrides.csv; none if there is no such file.

    Raises
    ------
    UserError
        See `read_table` and `check_overrides`.
    """
    if not path.exists():
        return EarlierDecisions([])
    table = read_table(path)
    check_overrides(table, classes)
    return EarlierDecisions(table.frame[list(COLUMNS)].to_numpy(dtype=object).tolist())


def find_neighbours(features: Path, splits: pd.DataFrame, images: Sequence[str]) -> list[list[str]]:
    """For each image, find its nearest labelled images in the backbone's features, nearest first.

    Raises
    ------
    UserError
        The features were not cached (online mode), or were made from other rows.
    """
    with FeatureStore(features) as store:
        if not store.views:
            remedy = "Set train.mode to features in params.yaml and run `facegender features`."
            raise UserError(str(features), "features must be cached to find similar pictures", "online mode", remedy)
        names = join_splits(store, features, splits)["image"]
        rows = pd.Index(names).get_indexer(pd.Index(images)).astype(np.int64)
        places = nearest(Pooled(store), rows, NEIGHBOURS)
        return [names.iloc[row].tolist() for row in places]


def build_content(
    rows: pd.DataFrame,
    neighbours: list[list[str]],
    splits: pd.DataFrame,
    classes: tuple[str, str],
    decided: EarlierDecisions,
) -> dict[str, Any]:
    """Build the data of the page's script, without the pictures.

    `key` is the key of the decisions in the browser's storage. It depends on the labels and the earlier decisions only,
    not on the number of rows, so that a page written again finds the decisions made on it.
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


def embed_pictures(images: Path, large: Sequence[str], neighbours: list[list[str]]) -> dict[str, dict[str, str]]:
    """Encode the pictures as data URIs: {"large": {name: URI}, "small": {name: URI}}; each name once, neighbours small.

    Raises
    ------
    UserError
        An image can no longer be read.
    """
    small = sorted({name for names in neighbours for name in names} - set(large))
    wanted = [(name, LARGE) for name in large] + [(name, SMALL) for name in small]
    pictures: dict[str, dict[str, str]] = {"large": {}, "small": {}}

    def encode(item: tuple[str, int]) -> str | Undecodable:
        try:
            return thumbnail(images / item[0], item[1])
        except Undecodable as reason:
            return reason

    with track("review", len(wanted), "images") as advance:
        for (name, side), picture in zip(wanted, prefetch(encode, wanted, os.cpu_count() or 1, ahead=64), strict=True):
            if isinstance(picture, Undecodable):
                expected = "an image must not change after `validate` has read it"
                raise UserError(f"images/{name}", expected, picture, "Restore the file, or run the pipeline again.")
            pictures["large" if side == LARGE else "small"][name] = picture
            advance(1)
    return pictures


def render_page(content: dict[str, Any], pictures: dict[str, dict[str, str]], classes: tuple[str, str]) -> str:
    """Render the page as one self-contained HTML document."""
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
        earlier=len(content["decided"]),
        names=[label_name(label) for label in classes],
        judge=content["judge"],
    )
