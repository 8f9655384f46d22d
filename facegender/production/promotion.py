"""Decide whether a new model may replace the champion.

Both are compared on the rows that neither was trained on. The new model must not be worse in accuracy (by the rule of
`facegender compare`), must not be clearly worse in any slice, and its calibration error must not have clearly risen. If
too many labels of these rows have changed since the champion was evaluated, a person has to decide.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from facegender.evaluation.compare import Comparison, common_rows, compare, compare_slices
from facegender.evaluation.predictions import Evaluated
from facegender.params.sections import EvaluateParams, PromoteParams
from facegender.statistics.calibration_error import bin_numbers
from facegender.statistics.intervals import Estimate, FloatArray, IntArray, bootstrap, wilson
from facegender.statistics.metrics import BoolArray


def judge_promotion(
    champion: Evaluated,
    model: Evaluated,
    attributes: pd.DataFrame | None,
    evaluate: EvaluateParams,
    promote: PromoteParams,
    margin: float,
) -> dict[str, Any]:
    """Decide on the promotion; return the decision and its figures, the content of promotion.json.

    Parameters
    ----------
    champion, model
        The two evaluations. Their predictions also need the column sha256: rows with equal image and sha256 are common.
    attributes
        attributes.csv by image; None if there is no such file.
    margin
        compare.margin.

    Returns
    -------
    promote (bool), reasons (sentences against the promotion) and n. If there are common rows, also relabelled,
    accuracy, calibration, slices and worst_slice; by_earlier_labels if a label has changed.
    """
    if champion.classes != model.classes:
        own, others = (" and ".join(evaluated.classes) for evaluated in (model, champion))
        return _not_comparable(f"the new one has the classes {own}, the champion {others}")
    before, now, positive = champion.predictions, model.predictions, model.classes[1]
    both = before[before["sha256"] == now["sha256"].reindex(before.index)]
    if both.empty:
        return _not_comparable("they have no validation row in common")
    label_now = now["label"].reindex(both.index)
    changed = wilson(int((label_now != both["label"]).sum()), len(both))
    rows = common_rows(both.assign(label=label_now), now, ("champion", "model"))
    rng = np.random.default_rng(evaluate.seed)
    overall = compare(rows, positive, evaluate.bootstrap, rng)
    slices = compare_slices(rows, attributes, positive, evaluate.min_slice, evaluate.bootstrap, rng)
    calibration = compare_calibration(rows, positive, evaluate.calibration_bins, evaluate.bootstrap, rng)
    record: dict[str, Any] = {
        "n": len(rows),
        "relabelled": changed.as_dict(),
        "accuracy": {**_as_dict(overall), "margin": margin, "verdict": overall.verdict(margin)},
        "calibration": {name: estimate.as_dict() for name, estimate in calibration.items()}
        | {"margin": promote.calibration_margin},
        "slices": [
            {"column": column, "value": value, **_as_dict(found), "verdict": found.verdict(margin)}
            for (column, value), found in slices.items()
        ],
    }
    record["worst_slice"] = min(record["slices"], key=lambda row: row["difference"]["value"], default=None)
    if changed.value:
        earlier = common_rows(both, now.assign(label=both["label"].reindex(now.index)), ("champion", "model"))
        record["by_earlier_labels"] = _as_dict(compare(earlier, positive, evaluate.bootstrap, rng))
    reasons = find_objections(record, promote)
    return {"promote": not reasons, "reasons": reasons, **record}


def _not_comparable(reason: str) -> dict[str, Any]:
    return {"promote": False, "reasons": [f"The two models cannot be compared: {reason}."], "n": 0}


def find_objections(record: Mapping[str, Any], promote: PromoteParams) -> list[str]:
    """List the reasons against a promotion, as sentences; empty if the model may be promoted."""
    found: list[str] = []
    share = record["relabelled"]
    if share["value"] > promote.max_relabelled:
        found.append(
            f"The labels have changed: {share['value']:.1%} of the {share['n']:,} common faces have a different label "
            f"than when the champion was evaluated, more than promote.max_relabelled = {promote.max_relabelled:g}."
        )
    accuracy = record["accuracy"]
    if accuracy["verdict"] != "not worse":
        says = {
            "worse": "the new model is worse",
            "undecided": "these rows cannot tell whether the new model is worse",
        }[accuracy["verdict"]]
        found.append(
            f"Accuracy changes by {format_points(accuracy['difference'])} against the champion, on {record['n']:,} "
            f"faces that neither was trained on: {says} by more than compare.margin = {accuracy['margin']:g}."
        )
    for row in record["slices"]:
        if row["verdict"] == "worse":
            found.append(
                f"The new model is worse for {row['column']} = {row['value']}: accuracy changes by "
                f"{format_points(row['difference'])} on {row['difference']['n']:,} faces."
            )
    calibration = record["calibration"]
    if calibration["difference"]["low"] > calibration["margin"]:
        found.append(
            f"Its probabilities are less well calibrated: the calibration error rises by "
            f"{format_points(calibration['difference'])}, more than promote.calibration_margin = "
            f"{calibration['margin']:g}."
        )
    return found


def compare_calibration(
    rows: pd.DataFrame, positive: str, bins: int, resamples: int, rng: np.random.Generator
) -> dict[str, Estimate]:
    """Estimate the expected calibration error of A (champion) and B (model), and B minus A, by a paired bootstrap.

    Parameters
    ----------
    rows
        From `common_rows`.
    positive
        Label of the positive class.
    bins
        Number of equally filled bins of the calibration error.
    resamples
        Number of bootstrap resamples, over groups.

    Returns
    -------
    champion, model and difference.
    """
    is_positive: BoolArray = (rows["label"] == positive).to_numpy(dtype=bool)
    residuals = {
        side: _residuals_by_bin(is_positive, rows[f"probability_{side}"].to_numpy(np.float64), bins) for side in "ab"
    }

    def errors(weights: FloatArray) -> dict[str, FloatArray]:
        total = weights.sum(axis=1)
        champion, model = (np.abs(weights @ residuals[side]).sum(axis=1) / total for side in "ab")
        return {"champion": champion, "model": model, "difference": model - champion}

    groups: IntArray = rows["group"].to_numpy(dtype=np.int64)
    # resampling inflates both calibration errors about equally, so little of this bias is left in the difference
    return bootstrap(errors, groups, resamples, rng, reflected=("champion", "model"))


def _residuals_by_bin(positive: BoolArray, probabilities: FloatArray, bins: int) -> FloatArray:
    """Return float64 (n, bins): each row's label minus its probability, in the column of its bin; zero elsewhere."""
    table = np.zeros((len(positive), bins))
    table[np.arange(len(positive)), bin_numbers(probabilities, bins)] = positive - probabilities
    return table


def _as_dict(found: Comparison) -> dict[str, Any]:
    return {
        "champion": found.first.as_dict(),
        "model": found.second.as_dict(),
        "difference": found.difference.as_dict(),
        "log_loss_difference": found.log_loss.as_dict(),
        "p_value": round(found.p_value, 6),
    }


def format_points(difference: Mapping[str, Any]) -> str:
    """Format a difference of proportions in percentage points.

    Examples
    --------
    >>> format_points({"value": -0.042, "low": -0.061, "high": -0.023})
    '-4.2 points (95% interval -6.1 to -2.3)'
    """
    value, low, high = (100 * difference[name] for name in ("value", "low", "high"))
    return f"{value:+.1f} points (95% interval {low:+.1f} to {high:+.1f})"
