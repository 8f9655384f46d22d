"""The contact sheet: a few training faces in the views that the network was trained on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from PIL import Image

from facegender.files.image_names import argsort_names
from facegender.files.parquet import Filters, read
from facegender.files.splits import trains
from facegender.params.augment import AugmentParams, params_for_ranges
from facegender.pictures.augment import make_view
from facegender.pictures.decode import decode_validated
from facegender.pictures.thumbnail import data_uri

FACES: Final = 8
MOST: Final = 6  # views of each face, including the picture as it is
SIDE: Final = 120  # pixels of a thumbnail


@dataclass(frozen=True)
class Strip:
    """One face: its name, and its views as data URIs; the first is the picture as it is."""

    image: str
    views: list[str]


@dataclass(frozen=True)
class ContactSheet:
    """Some faces in their views.

    Attributes
    ----------
    operations
        What may happen in a view, in words.
    count
        How many views a face has in all.
    mirrored
        Training also used the cached features of each view mirrored.
    """

    strips: list[Strip]
    policy: str
    operations: list[str]
    count: int
    mirrored: bool


def make_contact_sheet(
    images: Path, splits: pd.DataFrame, index: Path, provenance: Mapping[str, Any]
) -> ContactSheet | None:
    """Make again the views that the training in provenance.json used; None if it used no augmentation.

    `index` is the path of index.parquet, which has the pictures' hashes.
    """
    made = provenance["params"]
    augment, views, seed = params_for_ranges(made["augment"]), made["features"]["views"], made["features"]["seed"]
    # online mode caches no views: it makes a fresh one at every epoch
    count = views or augment.distinct_views or made["train"]["epochs"]
    if augment.distinct_views == 1 or count < 2:
        return None
    faces = choose_faces(splits)
    wanted: Filters = [("role", "==", "train"), ("image", "in", faces)]
    hashes = read(index, ["image", "sha256"], wanted).set_index("image")["sha256"]
    strips = []
    for image in faces:
        pixels = decode_validated(images, image, provenance["backbone"]["image_size"])
        shown = [make_view(pixels, augment, seed, hashes[image], view) for view in range(min(count, MOST))]
        small = [Image.fromarray(view).resize((SIDE, SIDE), Image.Resampling.LANCZOS) for view in shown]
        strips.append(Strip(image, [data_uri(picture) for picture in small]))
    mirrored = bool(views and augment.flip and made["train"].get("mirror"))  # older models have no such parameter
    return ContactSheet(strips, augment.policy, describe_operations(augment), count, mirrored)


def choose_faces(splits: pd.DataFrame) -> list[str]:
    """Training faces of both labels in turn, evenly spread over the names."""
    trained = splits.loc[trains(splits["fold"]), ["image", "label"]]
    by_label = [trained.loc[trained["label"] == label, "image"] for label in sorted(trained["label"].unique())]
    each = FACES // max(1, len(by_label))
    spread = [list(names.iloc[argsort_names(names)[_evenly(len(names), each)]]) for names in by_label]
    return [name for turn in zip(*spread, strict=False) for name in turn]


def _evenly(length: int, count: int) -> list[int]:
    return sorted({int(place) for place in np.linspace(0, length - 1, min(count, length))})


def describe_operations(augment: AugmentParams) -> list[str]:
    """Say in words what may happen in a view."""
    says = {
        "flip": "mirrored",
        "shift": f"shifted by up to {augment.shift:.0%} of the side",
        "rotation": f"rotated by up to {augment.rotation:g} degrees",
        "zoom": f"scaled by up to {augment.zoom:.0%}",
        "brightness": f"made up to {augment.brightness:.0%} brighter or darker",
        "contrast": f"given up to {augment.contrast:.0%} more or less contrast",
        "erase": f"covered with noise on up to {augment.erase:.0%} of the area",
    }
    return [text for key, text in says.items() if key in augment.ranges()]
