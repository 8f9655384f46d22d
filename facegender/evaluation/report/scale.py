"""Where figures stand in the report's own plots, in percent of their width."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from facegender.evaluation.report.formats import show
from facegender.evaluation.slices import Cut, Slice


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


def floor_of(cuts: Sequence[Cut], overall: float) -> int:
    """Where the slices' plots begin: the lowest end of an interval, down to a full ten percent, at most 90.

    `overall`: the lower end of the accuracy's own.
    """
    lows = [row.accuracy.low or 0.0 for cut in cuts for row in cut.slices]
    return min(90, math.floor(min([*lows, overall]) * 10) * 10)


def position(value: float, floor: int) -> float:
    """Of a share from 0 to 1."""
    return round((100 * value - floor) / (100 - floor) * 100, 2)


def drawn(cut: Cut, floor: int) -> dict[str, Any]:
    """A cut's name, and its slices with the places of their dots and bars."""
    return {"name": cut.name, "rows": [_placed(row, floor) for row in cut.slices]}


def _placed(row: Slice, floor: int) -> dict[str, Any]:
    figures = row.accuracy
    value, low, high = (position(end or 0.0, floor) for end in (figures.value, figures.low, figures.high))
    return vars(row) | {"position": value, "left": low, "width": round(high - low, 2)}
