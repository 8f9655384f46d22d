"""report.html and model_card.md: one evaluation, told to a person. Every figure comes from metrics.json as written."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import jinja2
import markupsafe

from facegender import __version__, plots
from facegender.classes import Classes
from facegender.decision import Decision
from facegender.describe import TextList, TextRows, label_name
from facegender.gallery import Kind, Shown
from facegender.slices import Slice

GALLERY_TITLES: Final = (
    (
        "wrong",
        "Most confident errors",
        "The farther from the threshold, the earlier. Some of these labels may be wrong.",
    ),
    (
        "uncertain",
        "Least certain",
        "The probability lies nearest to the threshold; a small change would flip the answer.",
    ),
    ("right", "Right, drawn at random", "What an ordinary success looks like."),
)


@dataclass(frozen=True)
class Story:
    """All that the report tells.

    Attributes
    ----------
    metrics
        The content of metrics.json.
    plots
        SVG by name: confusion, histogram, roc, precision_recall, reliability, learning_loss, learning_accuracy.
    slices
        By attribute column.
    links
        From an image's name to its file, relative to the report.
    """

    classes: Classes
    metrics: Mapping[str, Any]
    plots: Mapping[str, str]
    slices: Mapping[str, list[Slice]]
    gallery: Mapping[Kind, list[Shown]]
    links: Mapping[str, str]
    decision: Decision
    rule: str | None  # that found the threshold; None where params state it
    bins: int
    resamples: int
    minimum: int
    attributes_file: str
    demo: bool
    weights_source: str
    chose_epoch: bool
    data_rows: TextRows
    data_lists: list[TextList]
    made_rows: TextRows
    made_params: str


def render_report(story: Story) -> str:
    """The page: one self-contained HTML document."""
    css = (files("facegender") / "templates" / "report.css").read_text(encoding="utf-8")
    context = _context(story) | {
        "css": markupsafe.Markup(css),
        "scale": _scale(story),
        "slices": _slice_rows(story.slices, _floor(story)),
        "floor": _floor(story),
        "overall_position": _position(story.metrics["accuracy"]["value"], _floor(story)),
        "gallery": {kind: [_face(face, story) for face in faces] for kind, faces in story.gallery.items()},
        "gallery_titles": GALLERY_TITLES,
        "contents": _contents(story),
        "confusion_text": _confusion_text(story),
        "calibration_text": _calibration_text(story),
    }
    return _environment(story, escape=True).get_template("report.html.j2").render(context)


def render_card(story: Story) -> str:
    """The model card, after Mitchell et al. 2019, in Markdown."""
    return _environment(story, escape=False).get_template("model_card.md.j2").render(_context(story))


def _environment(story: Story, escape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("facegender"),
        autoescape=escape,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    environment.filters["show"] = show
    environment.filters["inline"] = lambda svg, title: markupsafe.Markup(plots.inline(svg, title))
    environment.globals["metric"] = lambda path: metric(story.metrics, path)
    return environment


def _context(story: Story) -> dict[str, Any]:
    return vars(story) | {
        "negative": label_name(story.classes.negative),
        "positive": label_name(story.classes.positive),
        "threshold": story.decision.threshold,
        "method": story.decision.calibrator.method,
        "majority": label_name(story.classes.majority),
        "untrained": story.weights_source == "none",
        "weakest": weakest(story.slices),
        "version": __version__,
    }


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
    return {"percent": f"{100 * value:.1f}%", "points": f"{100 * value:.1f}", "decimal": f"{value:.3f}"}[form]


def weakest(slices: Mapping[str, list[Slice]]) -> dict[str, Any] | None:
    """The slice with the lowest accuracy among those large enough to be compared, where a column has two such."""
    compared = [
        (row.accuracy.value, column, row)
        for column, rows in slices.items()
        if sum(row.enough for row in rows) > 1
        for row in rows
        if row.enough and row.accuracy.value is not None
    ]
    if not compared:
        return None
    _, column, row = min(compared, key=lambda entry: entry[0])
    return {"column": column, "value": row.value, "accuracy": row.accuracy}


def _scale(story: Story) -> dict[str, Any]:
    """Positions on the headline's scale, in percent of its width."""
    accuracy, plain = story.metrics["accuracy"], story.metrics["baseline_accuracy"]
    text = (
        f"Scale from 0 to 100%: this model {show(accuracy['value'], 'percent')}, "
        f"interval {show(accuracy['low'], 'percent')} to {show(accuracy['high'], 'percent')}; "
        f"always answering {label_name(story.classes.majority)} {show(plain['value'], 'percent')}."
    )
    return {
        "value": round(100 * accuracy["value"], 2),
        "low": round(100 * accuracy["low"], 2),
        "width": round(100 * (accuracy["high"] - accuracy["low"]), 2),
        "baseline": round(100 * plain["value"], 2),
        "rest": round(100 - 100 * max(accuracy["value"], plain["value"]), 2),
        "text": text,
    }


def _floor(story: Story) -> int:
    """Where the slices' plots begin: the lowest end of an interval, down to a full ten percent, at most 90."""
    lows = [row.accuracy.low for rows in story.slices.values() for row in rows if row.accuracy.low is not None]
    lows.append(story.metrics["accuracy"]["low"])
    return min(90, math.floor(min(lows) * 10) * 10)


def _position(value: float, floor: int) -> float:
    return round((100 * value - floor) / (100 - floor) * 100, 2)


def _slice_rows(slices: Mapping[str, list[Slice]], floor: int) -> dict[str, list[dict[str, Any]]]:
    drawn: dict[str, list[dict[str, Any]]] = {}
    for column, rows in slices.items():
        drawn[column] = []
        for row in rows:
            value, low, high = row.accuracy.value, row.accuracy.low, row.accuracy.high
            assert value is not None
            assert low is not None
            assert high is not None
            left = _position(low, floor)
            places = {
                "position": _position(value, floor),
                "left": left,
                "width": round(_position(high, floor) - left, 2),
            }
            drawn[column].append(vars(row) | places)
    return drawn


def _face(face: Shown, story: Story) -> dict[str, Any]:
    positive = face.predicted == story.classes.positive
    return vars(face) | {
        "correct": face.correct,
        "predicted_name": label_name(face.predicted),
        "label_name": label_name(face.label),
        "confidence": face.probability if positive else 1 - face.probability,
        "link": story.links[face.image],
    }


def _contents(story: Story) -> list[tuple[str, str]]:
    entries = [
        ("headline", "In short", True),
        ("use", "Use and limits", True),
        ("errors", "Right and wrong", True),
        ("curves", "Other thresholds", "roc" in story.plots),
        ("trust", "Probabilities", True),
        ("abstain", "Abstaining", True),
        ("slices", "Slices", bool(story.slices)),
        ("gallery", "Faces", True),
        ("learning", "Learning", True),
        ("data", "Data", True),
        ("made", "Making", True),
    ]
    return [(anchor, title) for anchor, title, there in entries if there]


def _confusion_text(story: Story) -> str:
    counts = story.metrics["confusion"]
    negative, positive = label_name(story.classes.negative), label_name(story.classes.positive)
    return (
        f"Confusion matrix. Labelled {negative}: {counts['true_negative']:,} predicted {negative}, "
        f"{counts['false_positive']:,} predicted {positive}. Labelled {positive}: {counts['false_negative']:,} "
        f"predicted {negative}, {counts['true_positive']:,} predicted {positive}."
    )


def _calibration_text(story: Story) -> str:
    error, raw = (
        story.metrics["expected_calibration_error"],
        story.metrics["uncalibrated"]["expected_calibration_error"],
    )
    after, before = show(error["value"], "decimal"), show(raw["value"], "decimal")
    if story.decision.calibrator.method == "none":
        return f"Calibration error {after}: the mean distance from the line, weighted by faces, in {story.bins} bins."
    return (
        f"After calibration. The calibration error, the mean distance from the line weighted by faces in {story.bins} "
        f"bins, was {before} before and is {after} now."
    )
