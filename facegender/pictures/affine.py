"""Moving a picture: shift, rotation and scale in one step, by OpenCV."""

import math

import cv2
import numpy as np

from facegender.pictures.decode import Pixels

cv2.setNumThreads(0)  # whoever moves many pictures does so in threads of its own


def warp_affine(pixels: Pixels, shift_x: float, shift_y: float, angle: float, scale: float) -> Pixels:
    """Shift (shares of the side, right and down), rotate (radians, counter-clockwise) and scale about the centre.

    What comes in from outside the picture is its mirror image, so no black corners betray the move.
    """
    size = pixels.shape[0]
    cosine, sine = math.cos(angle) / scale, math.sin(angle) / scale
    # OpenCV counts from the middle of the first pixel, and is given the way back: from the result into the picture
    centre = (size - 1) / 2
    to_x, to_y = centre + shift_x * size, centre + shift_y * size
    way_back = np.array(
        [
            [cosine, -sine, centre - cosine * to_x + sine * to_y],
            [sine, cosine, centre - sine * to_x - cosine * to_y],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(pixels, way_back, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.uint8)
