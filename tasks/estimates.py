"""Figures with interval and n as text."""

from typing import Any


def format_estimate(figure: dict[str, Any]) -> str:
    """Format a figure: "0.861 (95% interval 0.840 to 0.880, n = 1,200)"."""
    if figure["value"] is None:
        return f"undefined (n = {figure['n']:,})"
    return f"{figure['value']:.3f} (95% interval {figure['low']:.3f} to {figure['high']:.3f}, n = {figure['n']:,})"


def format_points(difference: dict[str, Any]) -> str:
    """Format a difference of shares: "+0.4 points (95% interval -1.0 to +1.8, n = 1,200)"."""
    value, low, high = (100 * difference[name] for name in ("value", "low", "high"))
    return f"{value:+.1f} points (95% interval {low:+.1f} to {high:+.1f}, n = {difference['n']:,})"
