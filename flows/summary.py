"""What a run has reached, in a few lines: for the terminal and for the run's page."""

import json
from dataclasses import dataclass
from pathlib import Path

from prefect.artifacts import create_markdown_artifact
from rich.text import Text

from tasks.checkout import Checkout
from tasks.evaluate import estimate


@dataclass(frozen=True)
class Summary:
    """The headline figure and where things lie; paths are relative to the checkout."""

    judged: str  # validation or holdout
    accuracy: str
    quarantined: str
    weights: str
    report: Path
    model: Path
    submission: Path

    def rows(self) -> list[tuple[str, str]]:
        """(what, its value)."""
        return [
            (f"{self.judged} accuracy", self.accuracy),
            ("set aside", self.quarantined),
            ("weights", self.weights),
            ("report", str(self.report)),
            ("model", str(self.model)),
            ("submission", str(self.submission)),
        ]


def summarise(checkout: Checkout) -> Summary:
    """Read the summary off the stages' files."""
    files = checkout.files
    metrics = json.loads((files.evaluation / "metrics.json").read_text(encoding="utf-8"))
    provenance = json.loads((files.model / "provenance.json").read_text(encoding="utf-8"))
    validation = json.loads(files.validation.read_text(encoding="utf-8"))
    return Summary(
        judged=metrics["judged"],
        accuracy=estimate(metrics["accuracy"]),
        quarantined=quarantined(validation["counts"], files.validation.relative_to(checkout.root)),
        weights=weights(provenance["weights"]["source"]),
        report=(files.evaluation / "report.html").relative_to(checkout.root),
        model=files.model.relative_to(checkout.root),
        submission=files.submission.relative_to(checkout.root),
    )


def quarantined(counts: dict[str, int], listed: Path) -> str:
    """What was set aside, of how much."""
    train, test = counts["train_quarantined"], counts["test_unreadable"]
    if not train and not test:
        return "nothing"
    return (
        f"{train:,} of {counts['train_rows']:,} training rows, {test:,} of {counts['test_rows']:,} test images "
        f"(which get the fallback label), listed in {listed}"
    )


def weights(source: str) -> str:
    """Which weights the backbone started with."""
    known = {
        "imagenet": "ImageNet",
        "demo": "the demo's own, trained on drawn pictures: good for trying the plumbing and for nothing else",
        "none": "none: random at the start",
    }
    return known.get(source, source)


def headline(summary: Summary) -> str:
    """One line."""
    return f"{summary.judged.capitalize()} accuracy {summary.accuracy}; set aside: {summary.quarantined}"


def publish(summary: Summary) -> None:
    """The summary on the run's page."""
    rows = "\n".join(f"| {what} | {value} |" for what, value in summary.rows())
    create_markdown_artifact(
        markdown=f"| | |\n|---|---|\n{rows}\n\nLabels are gender as perceived by annotators.",
        key="summary",
        description=headline(summary),
    )


def as_text(summary: Summary) -> Text:
    """The summary for a terminal."""
    width = max(len(what) for what, _ in summary.rows())
    return Text("\n").join(Text.assemble((what.ljust(width), "bold"), "  ", value) for what, value in summary.rows())
