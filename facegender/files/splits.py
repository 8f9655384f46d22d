"""The fold column of splits.parquet: which rows train, validate, or are held out.

Only this module interprets the codes in it. A split uses three of them. A cross-validation numbers its folds from 0 and
keeps the code for held-out rows; `cross_validation/plan.py` turns it into one split per training.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

VALIDATION: Final = 0
NEVER_VALIDATED: Final = -1
HOLDOUT: Final = -2


def trains(fold: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Mark the training rows of a split: bool (n,). They neither validate nor are held out.

    Examples
    --------
    >>> trains([VALIDATION, NEVER_VALIDATED, HOLDOUT]).tolist()
    [False, True, False]
    """
    return ~(validates(fold) | held_out(fold))


def validates(fold: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Mark the validation rows of a split: bool (n,). They choose the epoch, the calibration and the threshold."""
    return np.asarray(np.asarray(fold) == VALIDATION)


def held_out(fold: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Mark the held-out rows of a split or a cross-validation: bool (n,).

    Only `evaluate` uses them, to report on them alone.
    """
    return np.asarray(np.asarray(fold) == HOLDOUT)


def fold_name(fold: int) -> str:
    """Name a code of a split in words.

    Examples
    --------
    >>> fold_name(HOLDOUT), fold_name(VALIDATION)
    ('held out', 'validation fold 0')
    """
    return {HOLDOUT: "held out", NEVER_VALIDATED: "training only"}.get(fold, f"validation fold {fold}")
