"""The style of all plots: SVG text, the same bytes for the same numbers.

Colour-blind readers can tell blue from orange, and nothing is shown by colour alone. A plot's own file has a white
background; `inline` replaces the colours by the page's CSS variables, so that a plot in the report follows the reader's
light or dark scheme.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK: Final = "#1b1f24"
MUTED: Final = "#57606a"
RULE: Final = "#d5dae0"
PAPER: Final = "#fffffe"  # not quite white: no other part of a plot has this value
BLUE: Final = "#0b5cad"
ORANGE: Final = "#b84a00"
VARIABLES: Final = {
    INK: "--ink",
    MUTED: "--muted",
    RULE: "--rule",
    PAPER: "--paper",
    BLUE: "--blue",
    ORANGE: "--orange",
}
STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",  # text stays text: selectable, searchable, small
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": PAPER,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "text.color": INK,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.labelcolor": INK,
}


class Canvas:
    """A figure with one pair of axes; `svg` holds its text after the `canvas` block."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width, height), layout="constrained")
        self.axes: Axes = self.figure.add_subplot()
        self.svg = ""


@contextmanager
def canvas(name: str, width: float = 4.6, height: float = 3.5) -> Iterator[Canvas]:
    """Draw in the common style; sizes in inches. `name` is a prefix of the ids, which must differ within a page."""
    with mpl.rc_context(STYLE | {"svg.hashsalt": name}):
        drawing = Canvas(width, height)
        yield drawing
        drawing.svg = svg_of(drawing.figure, name)


def svg_of(figure: Figure, name: str) -> str:
    """Save a figure as SVG text without dates; `name` is a prefix of the ids."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().replace("'DejaVu Sans'", "system-ui, 'DejaVu Sans', sans-serif")
    return _with_own_ids(text, name)


def _with_own_ids(svg: str, name: str) -> str:
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    return re.sub(r"url\(#", f"url(#{name}-", svg)


def inline(svg: str, title: str) -> str:
    """Make an SVG element for an HTML page: named for screen readers, sized by the page, in the page's colours."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    view_box = re.search(r'viewBox="[^"]*"', body)
    if view_box is None:
        raise ValueError("the SVG must have a viewBox.")
    label = title.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    body = re.sub(r"<svg[^>]*>", f'<svg role="img" aria-label="{label}" {view_box.group()}>', body, count=1)
    for colour, variable in VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    return body
