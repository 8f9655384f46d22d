"""Markdown that the benchmark documents share: tables, and phrases for figures that are missing or meaningless."""

from collections.abc import Iterable

NOT_RUN = "not run yet"
TINY_NOTE = "A small network, only to try that everything runs: ignore the figures."


def render_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return the lines of a table: its head, the rule below it, then a line per row."""
    names = list(head)
    return [_render_row(names), "|" + "---|" * len(names), *map(_render_row, rows)]


def _render_row(cells: Iterable[str]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"
