"""report.html and model_card.md: one evaluation for people to read. Every figure is taken from metrics.json."""

from importlib.resources import files
from typing import Any, Final

import jinja2
import markupsafe

from facegender import __version__
from facegender.decision.classes import label_name
from facegender.decision.threshold import sliced_column
from facegender.evaluation.report.formats import headline_scale, metric, place_on_scale, place_slices, scale_floor, show
from facegender.evaluation.report.gallery import Face
from facegender.evaluation.report.plot_set import NAMES
from facegender.evaluation.report.plot_style import inline
from facegender.evaluation.report.story import Story
from facegender.evaluation.slices import Breakdown

GALLERY_TITLES: Final = (
    (
        "wrong",
        "Most confident errors",
        "Farthest from the threshold first. Some of these labels may be wrong.",
    ),
    (
        "uncertain",
        "Least certain",
        "Nearest to the threshold: a small change of the probability would flip the answer.",
    ),
    ("right", "Correct, drawn at random", "What a typical success looks like."),
)


def render_report(story: Story) -> str:
    """Render the report: one self-contained HTML document."""
    css = (files("facegender.evaluation.report") / "templates" / "report.css").read_text(encoding="utf-8")
    accuracy = story.metrics["accuracy"]
    floor = scale_floor(story.breakdowns.all, accuracy["low"])
    context = _context(story) | {
        "css": markupsafe.Markup(css),
        "scale": headline_scale(accuracy, story.metrics["baseline_accuracy"], label_name(story.classes.majority)),
        "attribute_breakdowns": [place_slices(breakdown, floor) for breakdown in story.breakdowns.by_attribute],
        "trait_breakdowns": [place_slices(breakdown, floor) for breakdown in story.breakdowns.by_trait],
        "floor": floor,
        "overall_position": place_on_scale(accuracy["value"], floor),
        "gallery": {kind: [_face(face, story) for face in faces] for kind, faces in story.gallery.items()},
        "gallery_titles": GALLERY_TITLES,
        "has_heat": any(face.heat for faces in story.gallery.values() for face in faces),
        "contents": _contents(story),
        "plot_names": NAMES,
        "equalised": sliced_column(story.settings.threshold),
        "verdicts": _verdicts(story),
        "confusion_text": _confusion_text(story),
        "calibration_text": _calibration_text(story),
    }
    return _environment(story, escape=True).get_template("report.html.j2").render(context)


def render_card(story: Story) -> str:
    """Render the model card (Mitchell et al. 2019) as Markdown."""
    return _environment(story, escape=False).get_template("model_card.md.j2").render(_context(story))


def _environment(story: Story, escape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("facegender.evaluation.report"),
        autoescape=escape,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    environment.filters["show"] = show
    environment.filters["inline"] = lambda svg, title: markupsafe.Markup(inline(svg, title))
    environment.globals["metric"] = lambda path: metric(story.metrics, path)
    return environment


def _context(story: Story) -> dict[str, Any]:
    settings = story.settings
    return vars(story) | {
        "negative": label_name(story.classes.negative),
        "positive": label_name(story.classes.positive),
        "threshold": story.decision.threshold,
        "method": story.decision.calibrator.method,
        "majority": label_name(story.classes.majority),
        "untrained": story.weights_source == "none",
        "asked_calibration": settings.calibration,
        "rule": settings.threshold if isinstance(settings.threshold, str) else None,
        "threshold_cost": settings.threshold_cost,
        "bins": settings.calibration_bins,
        "resamples": settings.bootstrap,
        "minimum": settings.min_slice,
        "clear_gaps": clear_gaps(story.breakdowns.all),
        "version": __version__,
    }


def clear_gaps(breakdowns: list[Breakdown], most: int = 3) -> list[Breakdown]:
    """Pick the breakdowns whose gap is larger than chance explains, widest first."""
    clear = [breakdown for breakdown in breakdowns if breakdown.gap is not None and (breakdown.gap.gap.low or 0) > 0]
    return sorted(clear, key=lambda breakdown: -(breakdown.gap.gap.value or 0) if breakdown.gap else 0)[:most]


def _face(face: Face, story: Story) -> dict[str, Any]:
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
        ("others", "Other models", True),
        ("curves", "Other thresholds", "roc" in story.plots),
        ("trust", "Probabilities", True),
        ("abstain", "Abstaining", True),
        ("slices", "Slices", True),
        ("gallery", "Faces", True),
        ("learning", "Training", True),
        ("data", "Data", True),
        ("made", "Provenance", True),
    ]
    return [(anchor, title) for anchor, title, there in entries if there]


def _verdicts(story: Story) -> dict[str, str]:
    """Put the verdicts of `facegender compare` into words."""
    if "against_champion" not in story.metrics:
        return {}
    margin = f"{show(story.metrics['against_champion']['margin'], 'points')} points"
    return {
        "not worse": f"it is not worse by more than {margin}",
        "worse": f"it is worse by more than {margin}",
        "undecided": f"on these faces it is undecided whether it is worse by more than {margin}",
    }


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
    bins = story.settings.calibration_bins
    if story.decision.calibrator.method == "none":
        return f"Calibration error {after}: the mean distance from the line over {bins} bins, weighted by faces."
    return (
        f"After calibration. The calibration error (the mean distance from the line over {bins} bins, weighted by "
        f"faces) was {before} before and is {after} now."
    )
