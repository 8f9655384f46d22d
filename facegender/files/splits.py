"""The fold column of splits.parquet: which rows train, validate, or are held out.

No other module reads or spells its codes. A split has three of them. A cross-validation numbers its folds from 0 and
keeps the code of the held-out rows; `cross_validation/plan.py` turns it into one split for each training.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]

VALIDATION: Final = 0
NEVER_VALIDATED: Final = -1
HOLDOUT: Final = -2


def trains(fold: npt.ArrayLike) -> Bools:
    """Whether each row of a split trains, bool (n,): it neither validates nor is held out."""
    return ~(validates(fold) | held_out(fold))


def validates(fold: npt.ArrayLike) -> Bools:
    """Whether each row of a split validates, bool (n,): it chooses the epoch, the calibration and the threshold."""
    return np.asarray(np.asarray(fold) == VALIDATION)


def held_out(fold: npt.ArrayLike) -> Bools:
    """Whether each row is in the holdout, bool (n,): only `evaluate` uses it, to report on it alone.

    Holds for a split and for a cross-validation.
    """
    return np.asarray(np.asarray(fold) == HOLDOUT)


def fold_name(fold: int) -> str:
    """A code of a split in words."""
    return {HOLDOUT: "held out", NEVER_VALIDATED: "training only"}.get(fold, f"validation fold {fold}")
