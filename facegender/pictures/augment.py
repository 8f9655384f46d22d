"""Views: deterministic augmentations of one picture. View 0 is the picture without augmentation.

A view depends only on the picture's content, the view's number and a seed, not on the row, the order or the number of
workers. So views can be cached and extended, and the same function draws fresh views in online mode.
"""

import hashlib
import math

import cv2
import numpy as np
import numpy.typing as npt

from facegender.params.augment import AugmentParams
from facegender.pictures.affine import warp_affine
from facegender.pictures.decode import Pixels

SMALLEST_ERASED = 0.02  # fraction of the area, as in the paper


def view_rng(seed: int, sha256: str, view: int) -> np.random.Generator:
    """Return the random generator of one view of one picture; sha256 is the hex digest of the picture's file."""
    digest = hashlib.blake2b(f"{seed}/{sha256}/{view}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def make_view(pixels: Pixels, params: AugmentParams, seed: int, sha256: str, view: int) -> Pixels:
    """Make one view of a picture; view 0 is the picture itself. With flip-only augmentation, odd views are mirrored.

    Parameters
    ----------
    pixels
        uint8 (s, s, 3).
    seed
        `features.seed`.
    sha256
        Hex digest of the picture's file.
    view
        Number of the view, 0 or greater.

    Returns
    -------
    uint8 (s, s, 3).
    """
    if params.distinct_views:
        return mirror(pixels) if view % params.distinct_views else pixels
    return augment(pixels, params, view_rng(seed, sha256, view)) if view else pixels


def augment(pixels: Pixels, params: AugmentParams, rng: np.random.Generator) -> Pixels:
    """Apply one random augmentation within the ranges of `params`. pixels and result: uint8 (s, s, 3)."""
    flip = params.flip and bool(rng.integers(2))
    shift_x, shift_y = rng.uniform(-params.shift, params.shift, 2) if params.shift else (0.0, 0.0)
    angle = math.radians(rng.uniform(-params.rotation, params.rotation))
    scale = rng.uniform(1.0 - params.zoom, 1.0 + params.zoom)
    brightness = rng.uniform(1.0 - params.brightness, 1.0 + params.brightness)
    contrast = rng.uniform(1.0 - params.contrast, 1.0 + params.contrast)
    if flip:
        pixels = mirror(pixels)
    if params.shift or params.rotation or params.zoom:
        pixels = warp_affine(pixels, shift_x, shift_y, angle, scale)
    if params.brightness or params.contrast:
        pixels = np.asarray(cv2.LUT(pixels, tone_curve(pixels, brightness, contrast)), np.uint8)
    if params.erase and rng.integers(2):  # drawn last, so that views without erasing do not change
        pixels = erase(pixels, params.erase, rng)
    return pixels


def mirror(pixels: Pixels) -> Pixels:
    """Mirror left and right. OpenCV takes 0.004 ms, numpy 0.15 ms."""
    return np.asarray(cv2.flip(pixels, 1), np.uint8)


def erase(pixels: Pixels, largest: float, rng: np.random.Generator) -> Pixels:
    """Erase a random rectangle (Zhong et al. 2020): fill it with noise.

    Its area is 2% to `largest` (a fraction) of the picture; its aspect ratio is between 1:3 and 3:1.
    pixels and result: uint8 (s, s, 3).
    """
    size = pixels.shape[0]
    area = size * size * rng.uniform(min(SMALLEST_ERASED, largest), largest)
    aspect = math.exp(rng.uniform(-math.log(3), math.log(3)))
    height, width = (min(size, max(1, round(math.sqrt(area * ratio)))) for ratio in (aspect, 1 / aspect))
    top, left = int(rng.integers(size - height + 1)), int(rng.integers(size - width + 1))
    erased = pixels.copy()
    erased[top : top + height, left : left + width] = rng.integers(0, 256, (height, width, 3), np.uint8)
    return erased


def tone_curve(pixels: Pixels, brightness: float, contrast: float) -> npt.NDArray[np.uint8]:
    """Return the new value of each of the 256 levels: contrast around the picture's mean, then brightness.

    brightness, contrast: factors, 1 for no change. Result: uint8 (256,).
    """
    mean = sum(cv2.sumElems(pixels)) / pixels.size  # sums of integers: the same mean as numpy's, in a tenth of the time
    levels = np.arange(256, dtype=np.float32)
    return np.clip(np.round(((levels - mean) * contrast + mean) * brightness), 0, 255).astype(np.uint8)
