"""The demo data folder: portraits, tables and a few planted faults, all from one seed."""

import csv
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np

from facegender.demo.faults import plant_faults
from facegender.demo.portrait import paint
from facegender.demo.traits import BEST_ACCURACY, Traits, sample_traits
from facegender.errors import UserError
from facegender.files.atomic import atomic_folder
from facegender.files.json_files import write_json
from facegender.files.layout import Layout
from facegender.runtime.progress import track

SMALLEST: Final = 60  # with fewer images the planted faults alone exceed the default of validate.max_quarantined
TRAIN_SHARE: Final = 0.8
SIDE: Final = 224
OTHER_SIZES: Final = ((160, 160), (192, 192), (256, 256), (320, 320), (240, 224), (208, 224))
DRAWN_BY: Final = "facegender demo"
NOTE: Final = (
    "Drawn by code, for trying the pipeline's plumbing. The classes 0 and 1 are two families of drawings whose "
    "proportions overlap; they are no genders, and nothing measured on them says anything about people. "
    "Some faults are planted on purpose: see `faults`."
)


def draw(out: Path, images: int = 600, seed: int = 2026, force: bool = False, workers: int = 2) -> None:
    """Draw a data set in the pipeline's layout: images/, train.csv, test.csv, sample_submission.csv, attributes.csv.

    The classes are two families of drawings with overlapping proportions (see facegender.demo.traits), so no
    classifier can be right on more than about 94 of 100. Four of five rows are for training. Equal arguments give equal
    bytes, with any number of workers. The folder appears complete or not at all.

    Parameters
    ----------
    out
        The data folder to create.
    images
        Number of rows in train.csv and test.csv together, 60 or more.
    seed
        Seed of all drawings and faults, 0 or greater.
    force
        Replace an existing folder, whatever it holds.
    workers
        Number of threads that draw.

    Raises
    ------
    UserError
        `out` holds files and `force` is not given; `images` is too small; `seed` is negative.
    """
    if images < SMALLEST:
        raise UserError(
            "demo, images", f"must be at least {SMALLEST}: with fewer, the planted faults are too large a share", images
        )
    if seed < 0:
        raise UserError("demo, seed", "must not be negative", seed)
    if not force and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(
            str(out),
            "the demo data needs a new or empty folder",
            "one that holds files",
            "Name another folder, or move this one away first.",
        )
    names = [f"{number:05d}.jpg" for number in range(1, images + 1)]
    portraits = sample_portraits(images, seed)
    train = round(TRAIN_SHARE * images)
    with atomic_folder(out) as folder:
        layout = Layout(folder)
        layout.images.mkdir()
        _paint_all(layout.images, names, portraits, seed, workers)
        planted = plant_faults(layout.images, names[:train], names[train:], portraits, seed)
        _write_tables(layout, names, planted.labels, planted.portraits, train)
        marker = {
            "drawn_by": DRAWN_BY,
            "seed": seed,
            "images": images,
            "note": NOTE,
            "best_possible_accuracy": round(BEST_ACCURACY, 4),
            "faults": planted.faults,
        }
        write_json(layout.demo_marker, marker)


def sample_portraits(images: int, seed: int) -> list[Traits]:
    """Sample the traits of `images` portraits in random order, half of each family (one more of family 1 if odd).

    Portrait i has its own random generator, so the order of drawing does not matter.
    """
    families = np.random.default_rng([seed, 0]).permutation(np.arange(1, images + 1) % 2)
    return [sample_traits(int(family), np.random.default_rng([seed, 1, i])) for i, family in enumerate(families)]


def _paint_all(folder: Path, names: Sequence[str], portraits: Sequence[Traits], seed: int, workers: int) -> None:
    def paint_one(number: int) -> None:
        rng = np.random.default_rng([seed, 2, number])
        width, height = (SIDE, SIDE) if rng.random() < 0.88 else OTHER_SIZES[int(rng.integers(len(OTHER_SIZES)))]
        quality = int(rng.integers(80, 94))
        paint(portraits[number], width, height).save(folder / names[number], format="JPEG", quality=quality)

    with track("demo", len(names), "drawings") as advance, ThreadPoolExecutor(max(1, workers)) as pool:
        for _ in pool.map(paint_one, range(len(names))):
            advance(1)


def _write_tables(
    layout: Layout, names: Sequence[str], labels: Sequence[int], shown: Sequence[Traits], train: int
) -> None:
    _write_csv(layout.train_csv, ("image_names", "class"), zip(names[:train], labels[:train], strict=True))
    _write_csv(layout.test_csv, ("image_names",), ((name,) for name in names[train:]))
    _write_csv(layout.sample_submission, ("image_names", "class"), ((name, 0) for name in names[train:]))
    attributes = ((name, traits.background, traits.style) for name, traits in zip(names, shown, strict=True))
    _write_csv(layout.attributes_csv, ("image_names", "background", "drawing_style"), attributes)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
