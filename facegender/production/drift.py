"""Do new pictures look like those that the model was validated on? Every figure with its n; no file is opened here."""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from facegender.params.sections import ScoreParams

MEASURED: Final = {  # column of the tables: as people read it
    "brightness": "brightness",
    "shorter_side": "shorter side, pixels",
    "distance": "embedding distance",
    "probability": "probability of the positive class",
}


@dataclass(frozen=True)
class Drift:
    """One quantity of the new pictures beside the reference.

    Attributes
    ----------
    reference, now
        Mean, or share.
    statistic
        "KS": the largest distance between the two cumulative distributions, 0 to 1; "rise": of a share.
    value, p_value, limit
        Of the statistic; how likely so large a one is where nothing has changed.
    drifted
        The value is beyond the limit, and by more than chance makes.
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
        """For JSON, rounded to 6 decimals."""
        return {name: round(value, 6) if isinstance(value, float) else value for name, value in asdict(self).items()}


def find_drift(reference: pd.DataFrame, now: pd.DataFrame, unreadable: int, params: ScoreParams) -> list[Drift]:
    """Compare two tables of `quantities`; `unreadable`: how many files beside those of `now` could not be read.

    A quantity has drifted where its statistic is beyond the limit and significant, by Bonferroni's rule over all
    quantities: a handful of pictures is far from any distribution.
    """
    level = params.significance / (len(MEASURED) + 2)
    found = [
        _distribution(name, reference[column].to_numpy(np.float64), now[column].to_numpy(np.float64), params, level)
        for column, name in MEASURED.items()
        if len(now)
    ]
    if len(now):
        abstentions = (int(reference["abstain"].sum()), len(reference)), (int(now["abstain"].sum()), len(now))
        found.append(_share("abstentions", *abstentions, params.max_abstain_rise, level))
    whole = len(now) + unreadable
    return [*found, _share("unreadable files", (0, len(reference)), (unreadable, whole), params.max_unreadable, level)]


def _distribution(
    name: str, reference: npt.NDArray[np.float64], now: npt.NDArray[np.float64], params: ScoreParams, level: float
) -> Drift:
    """Two-sample Kolmogorov-Smirnov."""
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


def _share(name: str, reference: tuple[int, int], now: tuple[int, int], limit: float, level: float) -> Drift:
    """The rise of a share; Fisher's exact test, one-sided: a fall alarms nobody."""
    (had, of_reference), (have, of_now) = reference, now
    table = [[have, of_now - have], [had, of_reference - had]]
    p_value = float(stats.fisher_exact(table, alternative="greater").pvalue)
    before, after = had / of_reference, have / of_now
    rise = after - before
    return Drift(
        name, before, after, of_reference, of_now, "rise", rise, p_value, limit, rise > limit and p_value < level
    )
