"""Figures as a person reads them, and where they stand in metrics.json."""

from collections.abc import Mapping
from typing import Any


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
