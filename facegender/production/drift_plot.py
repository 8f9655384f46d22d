"""Plot the distribution of each drift quantity, for new pictures and for the reference."""

from typing import Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from facegender.evaluation.report.plot_style import BLUE, ORANGE, STYLE, svg_of
from facegender.production.drift import MEASURED

BINS: Final = 30


def plot_drift(reference: pd.DataFrame, now: pd.DataFrame) -> str:
    """Plot a histogram of each quantity, as SVG: new pictures as a line, the reference as an area behind it."""
    with mpl.rc_context(STYLE | {"svg.hashsalt": "drift"}):
        figure = Figure(figsize=(7.4, 5.2), layout="constrained")
        for axes, (column, name) in zip(figure.subplots(2, 2).flat, MEASURED.items(), strict=True):
            before, after = (table[column].dropna().to_numpy(np.float64) for table in (reference, now))
            edges = np.histogram_bin_edges(np.concatenate([before, after]), BINS)
            for values, colour, filled, label in (
                (before, BLUE, True, f"validation rows (n = {len(before):,})"),
                (after, ORANGE, False, f"new pictures (n = {len(after):,})"),
            ):
                shares = np.histogram(values, edges)[0] / max(len(values), 1)
                axes.stairs(shares, edges, color=colour, fill=filled, alpha=0.35 if filled else 1, label=label)
            axes.set(xlabel=name, ylabel="fraction of pictures")
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
        return svg_of(figure, "drift")
