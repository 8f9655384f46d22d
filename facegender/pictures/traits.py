"""Traits measured on a picture that may affect accuracy: brightness, contrast, sharpness, size, colour, shape."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from facegender.files.image_names import ImagePaths
from facegender.files.parquet import read_rows
from facegender.pictures.decode import Pixels, decode
from facegender.runtime.prefetch import prefetch
from facegender.runtime.progress import track
from facegender.statistics.intervals import IntArray

SIDE: Final = 128  # pixels; every picture is resized to this side before light and sharpness are measured
LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
GREY: Final = 3.0  # of 255; mean difference between channels that JPEG may leave in a grey picture
ELONGATED: Final = 1.1  # ratio of the longer to the shorter side above which a picture is not square
AHEAD: Final = 64  # pictures decoded in advance


def measure_traits(files: Sequence[str | Path], width: IntArray, height: IntArray) -> pd.DataFrame:
    """Measure the traits of picture files: one row per file, every cell a string, as in attributes.csv.

    Columns: brightness and contrast (mean and standard deviation of the luma, 0 to 1), sharpness (standard deviation
    of the luma's Laplacian, per mille), shorter side (pixels), colour (grey or colour), shape (upright, square or
    wide). They are categorical, because strings recur.

    Parameters
    ----------
    width, height
        int64 (n,), pixels of each picture, upright.

    Raises
    ------
    Undecodable
        A file cannot be decoded.
    """
    seen: dict[str, list[str]] = {name: [] for name in ("brightness", "contrast", "sharpness", "colour")}
    with track("look", len(files), "images") as advance:
        for pixels in prefetch(lambda path: decode(path, SIDE), files, os.cpu_count() or 1, AHEAD):
            for texts, text in zip(seen.values(), measure_light(pixels), strict=True):
                texts.append(sys.intern(text))
            advance(1)
    table = pd.DataFrame({name: pd.Categorical(texts) for name, texts in seen.items()})
    table.insert(3, "shorter side", pd.Series(np.minimum(width, height)).astype(str).astype("category"))
    table["shape"] = pd.Categorical([classify_shape(*pair) for pair in zip(width, height, strict=True)])
    return table


def read_traits(names: "pd.Series[str]", folder: Path, index: Path) -> pd.DataFrame:
    """Measure the traits of images below a folder; their width and height come from index.parquet."""
    sides = read_rows(index, names, ["width", "height"])
    width, height = (sides[side].to_numpy(np.int64) for side in ("width", "height"))
    return measure_traits(ImagePaths(folder, names), width, height)


def measure_light(pixels: Pixels) -> tuple[str, str, str, str]:
    """Measure brightness, contrast, sharpness and colour of a picture, uint8 (s, s, 3); return them as strings."""
    luma = pixels.astype(np.float32) @ LUMA / 255
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * luma[1:-1, 1:-1]
    spread = np.mean(pixels.max(axis=2).astype(np.float32) - pixels.min(axis=2))
    colour = "grey" if spread < GREY else "colour"
    return f"{luma.mean():.3f}", f"{luma.std():.3f}", f"{1000 * laplacian.std():.0f}", colour


def classify_shape(width: int, height: int) -> str:
    """Classify a picture as upright, square or wide.

    Examples
    --------
    >>> classify_shape(100, 111), classify_shape(100, 109), classify_shape(111, 100)
    ('upright', 'square', 'wide')
    """
    if height > ELONGATED * width:
        return "upright"
    return "wide" if width > ELONGATED * height else "square"
