"""Views: deterministic augmentations of one picture. View 0 is the picture as it is.

A view depends on the picture's content, the view's number and a seed, and on nothing else: not on the row, the order
or the number of workers. So views can be cached, extended, and drawn afresh in online mode with the same function.
"""

import hashlib
import math

import cv2
import numpy as np
import numpy.typing as npt

from facegender.params.sections import AugmentParams
from facegender.pictures.affine import warp_affine
from facegender.pictures.decode import Pixels

SMALLEST_ERASED = 0.02  # share of the area, as in the paper


def view_rng(seed: int, sha256: str, view: int) -> np.random.Generator:
    """The random source of one view of one picture."""
    digest = hashlib.blake2b(f"{seed}/{sha256}/{view}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def make_view(pixels: Pixels, params: AugmentParams, seed: int, sha256: str, view: int) -> Pixels:
    """One view of a picture: 0 is the picture as it is. Where it is mirrored and no more, every other view is."""
    if params.distinct_views:
        return mirror(pixels) if view % params.distinct_views else pixels
    return augment(pixels, params, view_rng(seed, sha256, view)) if view else pixels


def augment(pixels: Pixels, params: AugmentParams, rng: np.random.Generator) -> Pixels:
    """One random view. pixels and result: uint8 (s, s, 3)."""
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
    if params.erase and rng.integers(2):  # drawn last, so that views without it stay what they were
        pixels = erase(pixels, params.erase, rng)
    return pixels


def mirror(pixels: Pixels) -> Pixels:
    """Left and right changed; by OpenCV, for it takes 0.004 ms and numpy 0.15."""
    return np.asarray(cv2.flip(pixels, 1), np.uint8)


def erase(pixels: Pixels, largest: float, rng: np.random.Generator) -> Pixels:
    """Random erasing (Zhong et al. 2020): noise over a rectangle of 2% to `largest` of the area, sides up to 1 to 3."""
    size = pixels.shape[0]
    area = size * size * rng.uniform(min(SMALLEST_ERASED, largest), largest)
    aspect = math.exp(rng.uniform(-math.log(3), math.log(3)))
    height, width = (min(size, max(1, round(math.sqrt(area * ratio)))) for ratio in (aspect, 1 / aspect))
    top, left = int(rng.integers(size - height + 1)), int(rng.integers(size - width + 1))
    erased = pixels.copy()
    erased[top : top + height, left : left + width] = rng.integers(0, 256, (height, width, 3), np.uint8)
    return erased


def tone_curve(pixels: Pixels, brightness: float, contrast: float) -> npt.NDArray[np.uint8]:
    """What each of the 256 levels becomes: contrast about the picture's mean, then brightness. uint8 (256,)."""
    mean = sum(cv2.sumElems(pixels)) / pixels.size  # whole numbers: no other than numpy's, in a tenth of the time
    levels = np.arange(256, dtype=np.float32)
    return np.clip(np.round(((levels - mean) * contrast + mean) * brightness), 0, 255).astype(np.uint8)
