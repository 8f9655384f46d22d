"""May a new model take the champion's place? It may where it is not worse on the rows that neither was trained on.

Three things must hold: accuracy (the rule of `facegender compare`), no slice that is clearly worse served, and a
calibration error that has not clearly risen. Where the labels of the common rows have changed the yardstick is another,
and a person has to decide.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from facegender.evaluation.compare import Comparison, common_rows, compare, compare_slices
from facegender.evaluation.predictions import Evaluated
from facegender.params.sections import EvaluateParams, PromoteParams
from facegender.statistics.intervals import Estimate, FloatArray, IntArray, bootstrap, wilson
from facegender.statistics.metrics import BoolArray, bin_numbers


def judge_promotion(
    champion: Evaluated,
    model: Evaluated,
    attributes: pd.DataFrame | None,
    evaluate: EvaluateParams,
    promote: PromoteParams,
    margin: float,
) -> dict[str, Any]:
    """The decision and its figures, as promotion.json holds them; A is the champion, B the new model.

    Parameters
    ----------
    champion, model
        The two evaluations; predictions have the column sha256 too: rows are common where image and sha256 are.
    attributes
        attributes.csv by image; None if there is no such file.
    margin
        compare.margin.

    Returns
    -------
    promote (bool), reasons (sentences), n, relabelled and, where there are rows in common, accuracy, calibration,
    slices and worst_slice.
    """
    if champion.classes != model.classes:
        reason = (
            f"Its classes are {' and '.join(model.classes)}, and the champion's {' and '.join(champion.classes)}, so "
            "the two cannot be compared."
        )
        return {"promote": False, "reasons": [reason], "n": 0}
    before, now, positive = champion.predictions, model.predictions, model.classes[1]
    both = before[before["sha256"] == now["sha256"].reindex(before.index)]
    if both.empty:
        reason = "It shares no validation row with the champion, so the two cannot be compared."
        return {"promote": False, "reasons": [reason], "n": 0}
    today = now["label"].reindex(both.index)
    changed = wilson(int((today != both["label"]).sum()), len(both))
    rows = common_rows(both.assign(label=today), now, ("champion", "model"))
    rng = np.random.default_rng(evaluate.seed)
    whole = compare(rows, positive, evaluate.bootstrap, rng)
    slices = compare_slices(rows, attributes, positive, evaluate.min_slice, evaluate.bootstrap, rng)
    calibration = calibration_change(rows, positive, evaluate.calibration_bins, evaluate.bootstrap, rng)
    record: dict[str, Any] = {
        "n": len(rows),
        "relabelled": changed.as_dict(),
        "accuracy": {**_as_dict(whole), "margin": margin, "verdict": whole.verdict(margin)},
        "calibration": {name: estimate.as_dict() for name, estimate in calibration.items()}
        | {"margin": promote.calibration_margin},
        "slices": [
            {"column": column, "value": value, **_as_dict(found), "verdict": found.verdict(margin)}
            for (column, value), found in slices.items()
        ],
    }
    record["worst_slice"] = min(record["slices"], key=lambda row: row["difference"]["value"], default=None)
    earlier = common_rows(both, now.assign(label=both["label"].reindex(now.index)), ("champion", "model"))
    if changed.value:
        record["by_earlier_labels"] = _as_dict(compare(earlier, positive, evaluate.bootstrap, rng))
    reasons = objections(record, promote)
    return {"promote": not reasons, "reasons": reasons, **record}


def objections(record: Mapping[str, Any], promote: PromoteParams) -> list[str]:
    """What speaks against a promotion, each a sentence; none where it may be."""
    found: list[str] = []
    share = record["relabelled"]
    if share["value"] > promote.max_relabelled:
        found.append(
            f"The yardstick has changed: {share['value']:.1%} of the {share['n']:,} faces that both were judged on "
            f"have other labels than when the champion was judged, more than promote.max_relabelled = "
            f"{promote.max_relabelled:g}."
        )
    accuracy = record["accuracy"]
    if accuracy["verdict"] != "not worse":
        says = {
            "worse": "the model is worse",
            "undecided": "these rows cannot tell whether the model is worse",
        }[accuracy["verdict"]]
        found.append(
            f"Accuracy changes by {points(accuracy['difference'])} against the champion, on {record['n']:,} faces that "
            f"neither was trained on: {says} by more than compare.margin = {accuracy['margin']:g}."
        )
    for row in record["slices"]:
        if row["verdict"] == "worse":
            found.append(
                f"It serves {row['column']}: {row['value']} worse: accuracy changes by {points(row['difference'])} on "
                f"{row['difference']['n']:,} faces."
            )
    calibration = record["calibration"]
    if calibration["difference"]["low"] > calibration["margin"]:
        found.append(
            f"Its probabilities are worse calibrated: the calibration error rises by "
            f"{points(calibration['difference'])}, more than promote.calibration_margin = {calibration['margin']:g}."
        )
    return found


def calibration_change(
    rows: pd.DataFrame, positive: str, bins: int, resamples: int, rng: np.random.Generator
) -> dict[str, Estimate]:
    """Expected calibration error of A (champion) and B (model) on `common_rows`, and B minus A, paired over groups."""
    is_positive: BoolArray = (rows["label"] == positive).to_numpy(dtype=bool)
    excess = {side: _excess(is_positive, rows[f"probability_{side}"].to_numpy(np.float64), bins) for side in "ab"}

    def errors(weights: FloatArray) -> dict[str, FloatArray]:
        total = weights.sum(axis=1)
        of = {side: np.abs(weights @ excess[side]).sum(axis=1) / total for side in "ab"}
        return {"champion": of["a"], "model": of["b"], "difference": of["b"] - of["a"]}

    groups: IntArray = rows["group"].to_numpy(dtype=np.int64)
    # resampling inflates a calibration error, and both alike: what is left of it in the difference is small
    return bootstrap(errors, groups, resamples, rng, reflected=("champion", "model"))


def _excess(positive: BoolArray, probabilities: FloatArray, bins: int) -> FloatArray:
    """(n, bins): each row's label minus probability, in the column of its bin."""
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


def points(difference: Mapping[str, Any]) -> str:
    """A difference of shares as people read it: "-4.2 points (95% interval -6.1 to -2.3)"."""
    value, low, high = (100 * difference[name] for name in ("value", "low", "high"))
    return f"{value:+.1f} points (95% interval {low:+.1f} to {high:+.1f})"
