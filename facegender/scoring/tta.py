"""Test-time augmentation: score a picture in several fixed views and average their logits.

The logits are averaged, not the probabilities, because a temperature then divides the mean as it would divide each
logit. Temperature scaling is therefore the same for one view and for many, also inside an exported network.
"""

from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from facegender.decision.calibration import logit, sigmoid
from facegender.pictures.affine import warp_affine
from facegender.pictures.decode import Pixels
from facegender.statistics.intervals import FloatArray

SCALES: Final = (1.0, 1.1, 0.9)  # two views of each, plain and mirrored: the second view is the mirror image
NAMES: Final = ("original", "10% closer", "10% farther")


def fixed_views(pixels: Pixels, count: int) -> list[Pixels]:
    """Make the first `count` views of a picture, 1 to 6: uint8 (s, s, 3) each; the first is the picture itself."""
    scaled = (pixels if scale == 1.0 else warp_affine(pixels, 0.0, 0.0, 0.0, scale) for scale in SCALES)
    views = (np.ascontiguousarray(view) for picture in scaled for view in (picture, picture[:, ::-1]))
    return list(islice(views, count))  # lazily: further views are not computed


def average_views(probabilities: FloatArray) -> npt.NDArray[np.float32]:
    """Average probabilities (n, views) over the views, as logits: float32 (n,).

    Examples
    --------
    >>> f"{average_views(np.array([[0.8, 0.5]]))[0]:.4f}"  # logits ln 4 and 0, of mean ln 2
    '0.6667'
    """
    if probabilities.shape[1] == 1:
        return probabilities[:, 0].astype(np.float32)
    return sigmoid(logit(probabilities).mean(axis=1)).astype(np.float32)


def describe_views(count: int) -> str:
    """Describe for the report how a picture was scored.

    Examples
    --------
    >>> describe_views(3)
    'in 3 views, by their mean logit: original; original, mirrored; 10% closer'
    """
    if count == 1:
        return "in one view, the original"
    views = [f"{name}{suffix}" for name in NAMES for suffix in ("", ", mirrored")]
    return f"in {count} views, by their mean logit: {'; '.join(views[:count])}"
