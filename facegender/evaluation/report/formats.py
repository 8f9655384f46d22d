"""Figures as a person reads them: found in metrics.json, as text, and as places in the report's own plots."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from facegender.evaluation.slices import Breakdown, Slice


def metric(metrics: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path of metrics.json; a key may hold dots itself."""
    if path in metrics:
        return metrics[path]
    for key, value in metrics.items():
        if path.startswith(f"{key}.") and isinstance(value, Mapping):
            return metric(value, path[len(key) + 1 :])
    raise KeyError(path)


def show(value: float | None, form: str) -> str:
    """A number as the page shows it; an undefined one as a dash.

    Forms: percent (0.8523 -> 85.2%), percent0 (85%), points (0.0312 -> 3.1), decimal (0.325), count (1,200).
    """
    if value is None:
        return "\N{EN DASH}"
    if form == "count":
        return f"{value:,.0f}"
    if form == "percent0":
        # no probability of a model is a certainty
        return f"{min(max(100 * value, 1), 99):.0f}%"
    text = {"percent": f"{100 * value:.1f}%", "points": f"{100 * value:.1f}", "decimal": f"{value:.3f}"}[form]
    return text.replace("-", "\N{MINUS SIGN}")


def headline_scale(accuracy: Mapping[str, Any], plain: Mapping[str, Any], majority: str) -> dict[str, Any]:
    """The accuracy with its interval, beside that of always answering `majority`, on a scale from 0 to 100%."""
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


def floor_of(breakdowns: Sequence[Breakdown], overall: float) -> int:
    """Where the slices' plots begin: the lowest end of an interval, down to a full ten percent, at most 90.

    `overall`: the lower end of the accuracy's own.
    """
    lows = [row.accuracy.low or 0.0 for breakdown in breakdowns for row in breakdown.slices]
    return min(90, math.floor(min([*lows, overall]) * 10) * 10)


def position(value: float, floor: int) -> float:
    """Of a share from 0 to 1."""
    return round((100 * value - floor) / (100 - floor) * 100, 2)


def drawn(breakdown: Breakdown, floor: int) -> dict[str, Any]:
    """A breakdown's name, and its slices with the places of their dots and bars."""
    return {"name": breakdown.name, "rows": [_placed(row, floor) for row in breakdown.slices]}


def _placed(row: Slice, floor: int) -> dict[str, Any]:
    figures = row.accuracy
    value, low, high = (position(end or 0.0, floor) for end in (figures.value, figures.low, figures.high))
    return vars(row) | {"position": value, "left": low, "width": round(high - low, 2)}
