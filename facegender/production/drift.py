"""Drift: whether new pictures differ from the pictures that the model was validated on. Arithmetic only, no files."""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from facegender.params.sections import ScoreParams

MEASURED: Final = {  # column of the tables: its name for readers
    "brightness": "brightness",
    "shorter_side": "shorter side, pixels",
    "distance": "embedding distance",
    "probability": "probability of the positive class",
}


@dataclass(frozen=True)
class Drift:
    """One quantity, compared between the new pictures and the reference.

    Attributes
    ----------
    reference, now
        Mean, or proportion.
    n_reference, n_now
        Number of pictures.
    statistic
        "KS": the Kolmogorov-Smirnov statistic, 0 to 1; "rise": the rise of a proportion.
    value, limit
        Value of the statistic, and the limit from params.yaml.
    p_value
        Probability of a value at least as large if nothing has changed.
    drifted
        The value is above the limit and significant.
    """

    quantity: str
    reference: float
    now: float
    n_reference: int
    n_now: int
    statistic: str
    value: float
    p_value: float
    limit: float
    drifted: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the values for JSON, rounded to 6 decimals."""
        return {name: round(value, 6) if isinstance(value, float) else value for name, value in asdict(self).items()}


def find_drift(reference: pd.DataFrame, now: pd.DataFrame, unreadable: int, params: ScoreParams) -> list[Drift]:
    """Compare the measurements of new pictures with the reference, quantity by quantity.

    A quantity has drifted if its statistic is above the limit and significant, with Bonferroni's correction over all
    quantities. Without the test a handful of pictures would always drift.

    Parameters
    ----------
    reference, now
        Tables made by `tabulate_measurements`.
    unreadable
        Number of files that could not be read, in addition to the rows of `now`.
    """
    level = params.significance / (len(MEASURED) + 2)
    found = [
        _compare_distributions(
            name, reference[column].to_numpy(np.float64), now[column].to_numpy(np.float64), params, level
        )
        for column, name in MEASURED.items()
        if len(now)
    ]
    if len(now):
        abstentions = (int(reference["abstain"].sum()), len(reference)), (int(now["abstain"].sum()), len(now))
        found.append(_compare_proportions("abstentions", *abstentions, params.max_abstain_rise, level))
    files = len(now) + unreadable
    return [
        *found,
        _compare_proportions(
            "unreadable files", (0, len(reference)), (unreadable, files), params.max_unreadable, level
        ),
    ]


def _compare_distributions(
    name: str, reference: npt.NDArray[np.float64], now: npt.NDArray[np.float64], params: ScoreParams, level: float
) -> Drift:
    """Compare two samples with the Kolmogorov-Smirnov test."""
    result = stats.ks_2samp(reference, now)
    distance, p_value = float(result.statistic), float(result.pvalue)
    return Drift(
        name,
        float(reference.mean()),
        float(now.mean()),
        len(reference),
        len(now),
        "KS",
        distance,
        p_value,
        params.max_distance,
        distance > params.max_distance and p_value < level,
    )


def _compare_proportions(
    name: str, reference: tuple[int, int], now: tuple[int, int], limit: float, level: float
) -> Drift:
    """Test whether a proportion has risen, with Fisher's exact test; one-sided, because a fall is harmless.

    reference, now: count and n.
    """
    (count_before, n_before), (count_now, n_now) = reference, now
    table = [[count_now, n_now - count_now], [count_before, n_before - count_before]]
    p_value = float(stats.fisher_exact(table, alternative="greater").pvalue)
    before, after = count_before / n_before, count_now / n_now
    rise = after - before
    return Drift(name, before, after, n_before, n_now, "rise", rise, p_value, limit, rise > limit and p_value < level)
