"""The result of a run in a few lines, for the terminal and for the run's page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact
from rich.text import Text

from facegender.files.json_files import read_json
from tasks.artifacts import PERCEIVED
from tasks.checkout import Checkout
from tasks.estimates import format_estimate, format_points
from tasks.promote import read_decision
from tasks.registry import RECORD, read_hashes


@dataclass(frozen=True)
class Summary:
    """Headline figure and paths, which are relative to the checkout.

    Attributes
    ----------
    judged
        The rows of the accuracy: validation or holdout.
    change
        ", +0.4 points against v1.0.0"; empty without a comparison.
    champion
        Which model scores, and whether this one was promoted.
    """

    judged: str
    accuracy: str
    change: str
    champion: str
    quarantined: str
    weights: str
    report: Path
    model: Path
    submission: Path

    def rows(self) -> list[tuple[str, str]]:
        """Return (name, value) pairs."""
        return [
            (f"{self.judged} accuracy", self.accuracy),
            ("champion", self.champion),
            ("quarantined", self.quarantined),
            ("weights", self.weights),
            ("report", str(self.report)),
            ("model", str(self.model)),
            ("submission", str(self.submission)),
        ]


def summarise(checkout: Checkout) -> Summary:
    """Read the summary from the stages' files."""
    files = checkout.files
    metrics = read_json(files.evaluation / "metrics.json")
    provenance = read_json(files.model / "provenance.json")
    validation = read_json(files.validation)
    return Summary(
        judged=metrics["judged"],
        accuracy=format_estimate(metrics["accuracy"]),
        change=format_change(find_decision(checkout)),
        champion=describe_champion(checkout),
        quarantined=describe_quarantine(validation["counts"], files.validation.relative_to(checkout.root)),
        weights=describe_weights(provenance["weights"]["source"]),
        report=(files.evaluation / "report.html").relative_to(checkout.root),
        model=files.model.relative_to(checkout.root),
        submission=files.submission.relative_to(checkout.root),
    )


def find_decision(checkout: Checkout) -> dict[str, Any] | None:
    """Read promotion.json; None if it is not about the model in artifacts/."""
    decision = read_decision(checkout)
    return decision if decision and decision["of"]["model"] == read_hashes(checkout.root).model else None


def format_change(decision: dict[str, Any] | None) -> str:
    """Format the change against the champion: ", +0.4 points against v1.0.0"."""
    if decision is None or "accuracy" not in decision:
        return ""
    return f", {100 * decision['accuracy']['difference']['value']:+.1f} points against {decision['of']['champion']}"


def describe_champion(checkout: Checkout) -> str:
    """Say which model is the champion, whether it is this one, and how this one compared with the champion before."""
    record, decision = checkout.files.champion / RECORD, find_decision(checkout)
    if not record.is_file():
        return "none"
    champion = read_json(record)
    is_this = champion["model"] == read_hashes(checkout.root).model
    parts = [f"{champion['version']}, this model" if is_this else champion["version"]]
    if decision is not None:
        if not decision["promote"] and not is_this:  # a refused model that was promoted by hand is "this model"
            parts.append(f"this model was not promoted. {' '.join(decision['reasons']).rstrip('.')}")
        if "accuracy" in decision:
            difference = format_points(decision["accuracy"]["difference"])
            parts.append(f"accuracy {difference} against {decision['of']['champion']}")
    return "; ".join(parts)


def describe_quarantine(counts: dict[str, int], path: Path) -> str:
    """Say how many rows are quarantined, of how many, and where they are listed."""
    train, test = counts["train_quarantined"], counts["test_unreadable"]
    if not train and not test:
        return "nothing"
    return (
        f"{train:,} of {counts['train_rows']:,} training rows, {test:,} of {counts['test_rows']:,} test images "
        f"(which get the fallback label), listed in {path}"
    )


def describe_weights(source: str) -> str:
    """Say which weights the backbone started with."""
    known = {
        "imagenet": "ImageNet",
        "demo": "the demo's own, trained on drawn pictures: only for trying the pipeline",
        "none": "none: random at the start",
        "own": "those in the backbone's file",
    }
    return known.get(source, source)


def format_headline(summary: Summary) -> str:
    """Format accuracy and quarantine as one line."""
    return f"{summary.judged.capitalize()} accuracy {summary.accuracy}; quarantined: {summary.quarantined}"


def publish(summary: Summary) -> None:
    """Create an artifact of the summary on the run's page."""
    value = summary.accuracy.partition(" (")[0]
    lines = [f"# {summary.judged.capitalize()} accuracy {value}{summary.change}", ""]
    lines += [f"- **{name}**: {text}" for name, text in summary.rows()]
    create_markdown_artifact(
        markdown="\n".join([*lines, "", PERCEIVED]),
        key="summary",
        description=f"{summary.judged.capitalize()} accuracy {summary.accuracy}",
    )


def render_summary(summary: Summary) -> Text:
    """Render the summary for a terminal."""
    width = max(len(name) for name, _ in summary.rows())
    return Text("\n").join(Text.assemble((name.ljust(width), "bold"), "  ", text) for name, text in summary.rows())
