"""Compare two models: is B worse than A? Both are judged on the rows that neither was trained on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from scipy.special import bdtr

from facegender.data.attributes import read_attributes
from facegender.errors import UserError
from facegender.evaluation.predictions import read_evaluated
from facegender.evaluation.slices import slice_column, sort_naturally
from facegender.params.sections import EvaluateParams
from facegender.statistics.intervals import Estimate, FloatArray, IntArray, bootstrap, wilson
from facegender.statistics.metrics import log_losses

Verdict = Literal["not worse", "worse", "undecided"]

EXIT_CODES: Final[dict[Verdict, int]] = {"not worse": 0, "worse": 1, "undecided": 3}  # 2 is for a user's mistake


@dataclass(frozen=True)
class Comparison:
    """The figures of two models on the same rows.

    Attributes
    ----------
    first, second
        Accuracy of A and of B.
    difference, log_loss
        B minus A in accuracy (higher is better) and in log loss (lower is better), with paired bootstrap intervals over
        groups.
    only_first, only_second
        How many rows only A, and only B, got right.
    p_value
        Of McNemar's exact test: the probability of a split at least as uneven, if both models are equally good.
    """

    first: Estimate
    second: Estimate
    difference: Estimate
    log_loss: Estimate
    only_first: int
    only_second: int
    p_value: float

    def verdict(self, margin: float) -> Verdict:
        """Say whether B is worse than A by more than `margin` in accuracy, by the interval of the difference."""
        low, high = self.difference.low or 0.0, self.difference.high or 0.0
        if low >= -margin:
            return "not worse"
        return "worse" if high < -margin else "undecided"


def compare_models(
    first: Path, second: Path, attributes: Path, params: EvaluateParams
) -> tuple[Comparison, dict[tuple[str, str], Comparison]]:
    """Compare two evaluated models: overall and, if there is an attributes file, within each slice.

    Raises
    ------
    UserError
        See `read_evaluated` and `common_rows`; or the two models have other classes.
    """
    a, b = read_evaluated(first), read_evaluated(second)
    if a.classes != b.classes:
        received = " against ".join(" and ".join(model.classes) for model in (a, b))
        raise UserError(f"{first} and {second}", "must be models of the same two classes", received)
    rows = common_rows(a.predictions, b.predictions, (str(first), str(second)))
    positive = a.classes[1]
    rng = np.random.default_rng(params.seed)
    whole = compare(rows, positive, params.bootstrap, rng)
    table = read_attributes(attributes, rows.index)
    return whole, compare_slices(rows, table, positive, params.min_slice, params.bootstrap, rng)


def common_rows(first: pd.DataFrame, second: pd.DataFrame, names: tuple[str, str]) -> pd.DataFrame:
    """Join the rows that both models judged: label, group, and predicted and probability with suffixes _a and _b.

    Raises
    ------
    UserError
        There are no common rows, or the labels differ between the two.
    """
    columns = ["label", "predicted", "probability", "group"]
    rows = first[columns].add_suffix("_a").join(second[columns].add_suffix("_b"), how="inner").sort_index()
    where = " and ".join(names)
    if rows.empty:
        raise UserError(where, "must have validation rows in common", None, "Evaluate both on the same split.")
    differing = rows.index[rows["label_a"] != rows["label_b"]]
    if len(differing):
        raise UserError(where, "must be judged by the same labels", f"two labels for {differing[0]}")
    return rows.rename(columns={"label_a": "label", "group_a": "group"}).drop(columns=["label_b", "group_b"])


def compare(rows: pd.DataFrame, positive: str, resamples: int, rng: np.random.Generator) -> Comparison:
    """Compare two models on `common_rows`; `positive` is the label whose probability they give."""
    is_positive = (rows["label"] == positive).to_numpy(dtype=bool)
    right = [(rows[f"predicted_{side}"] == rows["label"]).to_numpy(dtype=bool) for side in "ab"]
    losses = [log_losses(is_positive, rows[f"probability_{side}"].to_numpy(dtype=np.float64)) for side in "ab"]
    gain = right[1].astype(np.float64) - right[0]
    extra = losses[1] - losses[0]

    def means(weights: FloatArray) -> dict[str, FloatArray]:
        total = weights.sum(axis=1)
        return {"difference": weights @ gain / total, "log_loss": weights @ extra / total}

    groups: IntArray = rows["group"].to_numpy(dtype=np.int64)
    found = bootstrap(means, groups, resamples, rng)
    only_first, only_second = int(np.sum(right[0] & ~right[1])), int(np.sum(right[1] & ~right[0]))
    return Comparison(
        wilson(int(right[0].sum()), len(rows)),
        wilson(int(right[1].sum()), len(rows)),
        found["difference"],
        found["log_loss"],
        only_first,
        only_second,
        mcnemar(only_first, only_second),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value of McNemar's test (McNemar 1947): binomial with p = 1/2.

    `scipy.stats.binomtest` gives the same p-value, but its import would cost `facegender compare` 0.5 s more of
    processor time than scipy.special's.
    """
    return min(1.0, 2 * float(bdtr(min(only_first, only_second), only_first + only_second, 0.5)))


def compare_slices(
    rows: pd.DataFrame,
    attributes: pd.DataFrame | None,
    positive: str,
    minimum: int,
    resamples: int,
    rng: np.random.Generator,
) -> dict[tuple[str, str], Comparison]:
    """Compare within each slice of at least `minimum` rows; give the comparisons by (column, value)."""
    found: dict[tuple[str, str], Comparison] = {}
    if attributes is None:
        return found
    joined = attributes.reindex(rows.index)
    for column in joined.columns:
        values = slice_column(joined[column])
        for value in [] if values is None else sort_naturally(values):
            here = rows.iloc[np.flatnonzero(values == value)]
            if len(here) >= minimum:
                found[str(column), value] = compare(here, positive, resamples, rng)
    return found


def as_rich(whole: Comparison, slices: dict[tuple[str, str], Comparison], margin: float) -> Any:
    """Make a table for the terminal."""
    from rich.table import Table

    shown = Table(title="B compared with A, on the rows that neither was trained on", caption=_sentence(whole, margin))
    for name in ("faces", "n", "A", "B", "B minus A, points", "95% interval", "p (McNemar)"):
        shown.add_column(name, justify="left" if name == "faces" else "right")
    shown.add_row("all", *_cells(whole))
    for (column, value), found in slices.items():
        shown.add_row(f"{column}: {value}", *_cells(found))
    return shown


def _cells(found: Comparison) -> list[str]:
    difference = found.difference
    low, high = (f"{100 * (end or 0.0):+.1f}" for end in (difference.low, difference.high))
    shares = [f"{100 * (share.value or 0.0):.1f}%" for share in (found.first, found.second)]
    return [
        f"{difference.n:,}",
        *shares,
        f"{100 * (difference.value or 0.0):+.1f}",
        f"{low} to {high}",
        f"{found.p_value:.3g}",
    ]


def _sentence(whole: Comparison, margin: float) -> str:
    says = {
        "not worse": f"B is not worse than A by more than {100 * margin:g} points of accuracy.",
        "worse": f"B is worse than A by more than {100 * margin:g} points of accuracy.",
        "undecided": f"Undecided: the loss of accuracy may be more or less than {100 * margin:g} points.",
    }
    change = whole.log_loss
    loss = f"Log loss changes by {change.value or 0.0:+.4f} ({change.low or 0.0:+.4f} to {change.high or 0.0:+.4f})."
    return f"{says[whole.verdict(margin)]} {loss} Labels are gender as perceived by annotators."
