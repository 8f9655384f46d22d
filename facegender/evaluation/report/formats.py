"""Figures as a person reads them: found in metrics.json, formatted as text, and placed on the report's scales."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from facegender.evaluation.slices import Breakdown, Slice


def metric(metrics: Mapping[str, Any], path: str) -> Any:
    """Find the value at a dotted path of metrics.json; a key may itself contain dots."""
    if path in metrics:
        return metrics[path]
    for key, value in metrics.items():
        if path.startswith(f"{key}.") and isinstance(value, Mapping):
            return metric(value, path[len(key) + 1 :])
    raise KeyError(path)


def show(value: float | None, form: str) -> str:
    """Format a number for the page; an undefined one is a dash.

    Forms: percent (0.8523 -> 85.2%), percent0 (85%), points (0.0312 -> 3.1), decimal (0.325), count (1,200).
    """
    if value is None:
        return "\N{EN DASH}"
    if form == "count":
        return f"{value:,.0f}"
    if form == "percent0":
        # a model's probability is never a certainty
        return f"{min(max(100 * value, 1), 99):.0f}%"
    text = {"percent": f"{100 * value:.1f}%", "points": f"{100 * value:.1f}", "decimal": f"{value:.3f}"}[form]
    return text.replace("-", "\N{MINUS SIGN}")


def headline_scale(accuracy: Mapping[str, Any], plain: Mapping[str, Any], majority: str) -> dict[str, Any]:
    """Place the accuracy, its interval and the accuracy of always answering `majority` on a scale from 0 to 100%."""
    text = (
        f"Scale from 0 to 100%: this model {show(accuracy['value'], 'percent')}, "
        f"interval {show(accuracy['low'], 'percent')} to {show(accuracy['high'], 'percent')}; "
        f"always answering {majority} {show(plain['value'], 'percent')}."
    )
    return {
        "value": round(100 * accuracy["value"], 2),
        "low": round(100 * accuracy["low"], 2),
        "width": round(100 * (accuracy["high"] - accuracy["low"]), 2),
        "baseline": round(100 * plain["value"], 2),
        "rest": round(100 - 100 * max(accuracy["value"], plain["value"]), 2),
        "text": text,
    }


def scale_floor(breakdowns: Sequence[Breakdown], overall: float) -> int:
    """Choose where the slices' scale begins, in percent: the lowest interval end, rounded down to tens, at most 90.

    `overall` is the lower end of the interval of the overall accuracy.
    """
    lows = [row.accuracy.low or 0.0 for breakdown in breakdowns for row in breakdown.slices]
    return min(90, math.floor(min([*lows, overall]) * 10) * 10)


def place_on_scale(value: float, floor: int) -> float:
    """Place a share (0 to 1) on the scale from `floor` to 100%: its position in percent of the width."""
    return round((100 * value - floor) / (100 - floor) * 100, 2)


def place_slices(breakdown: Breakdown, floor: int) -> dict[str, Any]:
    """Give a breakdown's name, and its slices with the positions of their dots and bars."""
    return {"name": breakdown.name, "rows": [_place(row, floor) for row in breakdown.slices]}


def _place(row: Slice, floor: int) -> dict[str, Any]:
    figures = row.accuracy
    value, low, high = (place_on_scale(end or 0.0, floor) for end in (figures.value, figures.low, figures.high))
    return vars(row) | {"position": value, "left": low, "width": round(high - low, 2)}
