"""Each plot of an evaluation, as SVG text."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from facegender.evaluation.report.plot_style import BLUE, INK, MUTED, ORANGE, canvas
from facegender.statistics.metrics import Confusion


def confusion_matrix(counts: Confusion, negative: str, positive: str) -> str:
    """Draw the confusion matrix: a row is the annotators' label, a column the prediction; shares are of the row."""
    table = np.array(
        [[counts.true_negative, counts.false_positive], [counts.false_negative, counts.true_positive]], dtype=np.int64
    )
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    with canvas("confusion", height=3.3) as drawing:
        axes = drawing.axes
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        for row in range(2):
            for column in range(2):
                colour = BLUE if row == column else ORANGE
                patch = mpl.patches.Rectangle(
                    (column - 0.48, row - 0.48), 0.96, 0.96, facecolor=colour, alpha=0.08 + 0.42 * shares[row, column]
                )
                axes.add_patch(patch)
                axes.text(column, row - 0.06, f"{table[row, column]:,}", ha="center", va="center", size=17)
                axes.text(column, row + 0.22, f"{shares[row, column]:.1%} of row", ha="center", va="center")
        axes.set(xlim=(-0.5, 1.5), ylim=(1.5, -0.5), xlabel="predicted", ylabel="annotators' label")
        axes.set_xticks([0, 1], [negative, positive])
        axes.set_yticks([0, 1], [negative, positive], rotation=90, va="center")
        axes.tick_params(length=0, labelcolor=INK)
        axes.xaxis.set_label_position("top")
        axes.xaxis.tick_top()
    return drawing.svg


def roc_plot(curve: pd.DataFrame, operating: tuple[float, float], threshold: float) -> str:
    """Draw the ROC curve; `operating`: (false positive rate, true positive rate) at the threshold."""
    with canvas("roc") as drawing:
        axes = drawing.axes
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(0.62, 0.55, "guessing", color=MUTED, rotation=37, ha="center", va="center")
        axes.plot(curve["false_positive_rate"], curve["true_positive_rate"], color=BLUE)
        axes.plot(*operating, "o", color=ORANGE, markersize=7)
        axes.annotate(f"threshold {threshold:g}", operating, (10, -12), textcoords="offset points")
        axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
        _percent(axes, both=True)
    return drawing.svg


def precision_recall_plot(
    curve: pd.DataFrame, operating: tuple[float, float] | None, threshold: float, share: float
) -> str:
    """Draw precision against recall.

    `operating`: (recall, precision) at the threshold; `share`: of the positive class, the precision of guessing.
    """
    with canvas("precision-recall") as drawing:
        axes = drawing.axes
        axes.axhline(share, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(0.02, share + 0.02, "guessing", color=MUTED)
        axes.plot(curve["recall"], curve["precision"], color=BLUE)
        if operating is not None:
            axes.plot(*operating, "o", color=ORANGE, markersize=7)
            axes.annotate(f"threshold {threshold:g}", operating, (-10, -18), textcoords="offset points", ha="right")
        axes.set(xlabel="recall", ylabel="precision", xlim=(-0.01, 1.01), ylim=(min(0.4, share - 0.05), 1.02))
        _percent(axes, both=True)
    return drawing.svg


def reliability_plot(table: pd.DataFrame, name: str) -> str:
    """Draw the observed share against the mean probability of each bin, with Wilson intervals."""
    with canvas(name) as drawing:
        axes = drawing.axes
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(0.99, 0.03, "dashed: perfectly calibrated", color=MUTED, ha="right")
        below, above = table["observed"] - table["low"], table["high"] - table["observed"]
        axes.errorbar(
            table["probability"],
            table["observed"],
            yerr=[below, above],
            fmt="o",
            color=BLUE,
            markersize=5,
            linewidth=1.2,
        )
        axes.set(xlabel="predicted probability", ylabel="observed share", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        _percent(axes, both=True)
    return drawing.svg


def histogram_plot(table: pd.DataFrame, negative: str, positive: str, threshold: float) -> str:
    """Draw the rows by probability, one class above the axis and the other below, so that no bar hides another."""
    width = 1 / len(table)
    middle = table["start"] + width / 2
    with canvas("histogram") as drawing:
        axes = drawing.axes
        axes.bar(middle, table["positive"], width * 0.9, color=BLUE)
        axes.bar(middle, -table["negative"], width * 0.9, color=ORANGE)
        axes.axhline(0, color=MUTED, linewidth=0.8)
        axes.axvline(threshold, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        top = 1.18 * max(1, int(table[["positive", "negative"]].to_numpy().max()))
        axes.text(0.03, 0.9 * top, f"labelled {positive}", color=BLUE, va="center")
        axes.text(0.97, -0.9 * top, f"labelled {negative}", color=ORANGE, va="center", ha="right")
        axes.set(xlabel=f"predicted probability of {positive}", ylabel="faces", xlim=(0, 1), ylim=(-top, top))
        axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, 0))
    return drawing.svg


def learning_plot(history: pd.DataFrame, quantity: str, best: int) -> str:
    """Draw a quantity by epoch, for training and validation; `best`: position of the epoch that was kept.

    Training figures are measured with dropout and augmentation, so they may look worse.
    """
    epochs = np.arange(1, len(history) + 1)
    with canvas(f"learning-{quantity}") as drawing:
        axes = drawing.axes
        axes.plot(epochs, history[quantity], color=ORANGE, marker="s", markersize=3.5, label="training")
        axes.plot(epochs, history[f"val_{quantity}"], color=BLUE, marker="o", markersize=4, label="validation")
        axes.plot(best + 1, history[f"val_{quantity}"].iloc[best], "o", markersize=11, color=BLUE, fillstyle="none")
        for start in np.flatnonzero(history["phase"].ne(history["phase"].shift()))[1:]:
            axes.axvline(start + 0.5, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
            phase = str(history["phase"].iloc[start]).replace("_", "-")
            axes.text(start + 0.6, 1.0, phase, color=MUTED, va="bottom", transform=axes.get_xaxis_transform())
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="best")
        if quantity == "accuracy":
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, 0 if np.ptp(axes.get_ylim()) > 0.04 else 1))
    return drawing.svg


def coverage_risk_plot(table: pd.DataFrame, answered: float, accuracy: float | None) -> str:
    """Draw the accuracy by share of faces answered; (`answered`, `accuracy`): the rule of the conformal sets."""
    with canvas("coverage-risk") as drawing:
        axes = drawing.axes
        shown = table[table["coverage"] >= 0.05]  # below that, accuracy is noise
        axes.plot(shown["coverage"], shown["accuracy"], color=BLUE)
        if accuracy is not None:
            axes.plot(answered, accuracy, "o", color=ORANGE, markersize=7)
            axes.annotate("abstaining", (answered, accuracy), (-10, -16), textcoords="offset points", ha="right")
        axes.set(xlabel="share of faces answered", ylabel="accuracy of the answers", xlim=(0, 1.01))
        axes.set_ylim(min(0.5, shown["accuracy"].min() - 0.02), 1.01)
        _percent(axes, both=True)
    return drawing.svg


def _percent(axes: Axes, both: bool) -> None:
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, 0))
    if both:
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, 0))
