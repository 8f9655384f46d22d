"""Test-time augmentation: a picture is scored in several fixed views, and the mean of their logits counts.

The mean is of logits, not of probabilities: dividing it by a temperature then gives what the mean of the divided logits
would, so calibration means the same with one view as with many, inside an exported network too.
"""

from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from facegender.decision.calibration import logit, sigmoid
from facegender.pictures.affine import warp_affine
from facegender.pictures.decode import Pixels
from facegender.statistics.intervals import FloatArray

SCALES: Final = (1.0, 1.1, 0.9)  # each as it is and mirrored: the mirror image is the second view
NAMES: Final = ("as it is", "10% closer", "10% farther")


def fixed_views(pixels: Pixels, count: int) -> list[Pixels]:
    """The first `count` views of a picture, at most 6: uint8 (s, s, 3) each; the first is the picture itself."""
    scaled = (pixels if scale == 1.0 else warp_affine(pixels, 0.0, 0.0, 0.0, scale) for scale in SCALES)
    views = (np.ascontiguousarray(view) for one in scaled for view in (one, one[:, ::-1]))
    return list(islice(views, count))  # none is drawn that is not asked for


def mean_of_logits(probabilities: FloatArray) -> npt.NDArray[np.float32]:
    """Probabilities (n, views) of the same pictures -> one each, float32 (n,)."""
    if probabilities.shape[1] == 1:
        return probabilities[:, 0].astype(np.float32)
    return sigmoid(logit(probabilities).mean(axis=1)).astype(np.float32)


def in_words(count: int) -> str:
    """For a report: how a picture was scored."""
    if count == 1:
        return "in one view, as it is"
    views = [f"{name}{also}" for name in NAMES for also in ("", ", mirrored")]
    return f"in {count} views, whose mean logit counts: {'; '.join(views[:count])}"
