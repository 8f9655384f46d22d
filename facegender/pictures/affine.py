"""Affine transform of a picture: shift, rotation and scale in one step, by OpenCV."""

import math

import cv2
import numpy as np

from facegender.pictures.decode import Pixels

cv2.setNumThreads(0)  # callers with many pictures use threads of their own


def warp_affine(pixels: Pixels, shift_x: float, shift_y: float, angle: float, scale: float) -> Pixels:
    """Rotate and scale a square picture about its centre, then shift it.

    Pixels from outside the picture are filled with its mirror image, so that no black corners show the transform.

    Parameters
    ----------
    pixels
        uint8 (s, s, 3).
    shift_x, shift_y
        Shift to the right and down, as a fraction of the side.
    angle
        Radians, counter-clockwise.
    scale
        Factor; above 1 enlarges.

    Returns
    -------
    uint8 (s, s, 3).
    """
    size = pixels.shape[0]
    cosine, sine = math.cos(angle) / scale, math.sin(angle) / scale
    # OpenCV measures from the centre of the first pixel and takes the inverse matrix: from the result to the picture
    centre = (size - 1) / 2
    to_x, to_y = centre + shift_x * size, centre + shift_y * size
    inverse = np.array(
        [
            [cosine, -sine, centre - cosine * to_x + sine * to_y],
            [sine, cosine, centre - sine * to_x - cosine * to_y],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(pixels, inverse, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.uint8)
