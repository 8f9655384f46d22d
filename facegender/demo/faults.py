"""The planted faults of the demo data: one of each kind found in real folders, so that every message appears."""

import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from facegender.demo.traits import Traits

EXIF_ORIENTATION: Final = 0x0112
ROTATED: Final = 6  # "the 0th row is the visual right-hand side" (EXIF 2.32, 4.6.4): written by phones held upright


@dataclass(frozen=True)
class PlantedFaults:
    """The planted faults, and what the images show now: a duplicate shows another image's portrait.

    Attributes
    ----------
    faults
        Image name, or pair of names, by kind of fault.
    portraits, labels
        Traits and family of what each image shows, in the order of the names.
    """

    faults: dict[str, str | list[str]]
    portraits: list[Traits]
    labels: list[int]


def plant_faults(
    folder: Path, train: Sequence[str], test: Sequence[str], portraits: Sequence[Traits], seed: int
) -> PlantedFaults:
    """Damage a few of the images in `folder`. `train` followed by `test` names the portraits, in their order."""
    rng = np.random.default_rng([seed, 3])
    picked = [train[int(i)] for i in rng.choice(len(train), 9, replace=False)]
    truncated, missing, rotated, grey, png, original, copy, sharp, recompressed = picked
    unreadable = test[int(rng.integers(len(test)))]

    content = (folder / truncated).read_bytes()
    (folder / truncated).write_bytes(content[: len(content) * 3 // 5])
    (folder / missing).unlink()
    _store_rotated(folder / rotated)
    with Image.open(folder / grey) as picture:
        _replace(folder / grey, picture.convert("L"), "JPEG", quality=90)
    with Image.open(folder / png) as picture:
        _replace(folder / png, picture.convert("RGB"), "PNG")
    shutil.copyfile(folder / original, folder / copy)
    with Image.open(folder / sharp) as picture:
        _replace(folder / recompressed, picture.convert("RGB"), "JPEG", quality=45)
    (folder / unreadable).write_bytes(b"this was a picture once\n")

    shown = list(portraits)
    names = [*train, *test]
    for first, second in ((original, copy), (sharp, recompressed)):
        shown[names.index(second)] = shown[names.index(first)]
    faults: dict[str, str | list[str]] = {
        "truncated": truncated,
        "missing": missing,
        "exif_rotated": rotated,
        "greyscale": grey,
        "png_named_jpg": png,
        "duplicates": [original, copy],
        "near_duplicates": [sharp, recompressed],
        "unreadable_test_image": unreadable,
    }
    return PlantedFaults(faults, shown, [traits.family for traits in shown])


def _store_rotated(path: Path) -> None:
    """Store the picture rotated by 90°, with the EXIF tag that makes viewers show it upright."""
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = ROTATED
    with Image.open(path) as picture:
        lying = picture.transpose(Image.Transpose.ROTATE_90)
    _replace(path, lying, "JPEG", quality=90, exif=exif)


def _replace(path: Path, picture: Image.Image, form: str, **options: object) -> None:
    buffer = io.BytesIO()
    picture.save(buffer, format=form, **options)
    path.write_bytes(buffer.getvalue())
