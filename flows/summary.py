"""What a run has reached, in a few lines: for the terminal and for the run's page."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact
from rich.text import Text

from tasks.checkout import Checkout
from tasks.evaluate import estimate
from tasks.registry import RECORD, made


@dataclass(frozen=True)
class Summary:
    """The headline figure and where things lie; paths are relative to the checkout."""

    judged: str  # validation or holdout
    accuracy: str
    change: str  # ", +0.4 points against v1.0.0", empty where there was nothing to compare with
    champion: str  # which model scores, and whether this one became it
    quarantined: str
    weights: str
    report: Path
    model: Path
    submission: Path

    def rows(self) -> list[tuple[str, str]]:
        """(what, its value)."""
        return [
            (f"{self.judged} accuracy", self.accuracy),
            ("champion", self.champion),
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
        change=change(decided(checkout)),
        champion=champion(checkout),
        quarantined=quarantined(validation["counts"], files.validation.relative_to(checkout.root)),
        weights=weights(provenance["weights"]["source"]),
        report=(files.evaluation / "report.html").relative_to(checkout.root),
        model=files.model.relative_to(checkout.root),
        submission=files.submission.relative_to(checkout.root),
    )


def decided(checkout: Checkout) -> dict[str, Any] | None:
    """promotion.json, where it is about this very model."""
    path = checkout.files.promotion
    decision: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return decision if decision and decision["of"]["model"] == made(checkout.root).model else None


def change(decision: dict[str, Any] | None) -> str:
    """ ", +0.4 points against v1.0.0" """
    if decision is None or "accuracy" not in decision:
        return ""
    return f", {100 * decision['accuracy']['difference']['value']:+.1f} points against {decision['of']['champion']}"


def champion(checkout: Checkout) -> str:
    """The model that scores, whether it is this one, and how this one compared when it was decided about."""
    record, decision = checkout.files.champion / RECORD, decided(checkout)
    if not record.is_file():
        return "none"
    serving = json.loads(record.read_text(encoding="utf-8"))
    this = serving["model"] == made(checkout.root).model
    said = [f"{serving['version']}, this model" if this else serving["version"]]
    if decision is not None:
        if not decision["promote"] and not this:  # one that was promoted by hand all the same is "this model"
            said.append(f"this model was not promoted. {' '.join(decision['reasons']).rstrip('.')}")
        if "accuracy" in decision:
            said.append(f"accuracy {points(decision['accuracy']['difference'])} against {decision['of']['champion']}")
    return "; ".join(said)


def points(difference: dict[str, Any]) -> str:
    """ "+0.4 points (95% interval -1.0 to +1.8, n = 1,200)" """
    value, low, high = (100 * difference[name] for name in ("value", "low", "high"))
    return f"{value:+.1f} points (95% interval {low:+.1f} to {high:+.1f}, n = {difference['n']:,})"


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
        "own": "those in the backbone's file",
    }
    return known.get(source, source)


def headline(summary: Summary) -> str:
    """One line."""
    return f"{summary.judged.capitalize()} accuracy {summary.accuracy}; set aside: {summary.quarantined}"


def publish(summary: Summary) -> None:
    """The summary on the run's page."""
    value = summary.accuracy.partition(" (")[0]
    lines = [f"# {summary.judged.capitalize()} accuracy {value}{summary.change}", ""]
    lines += [f"- **{what}**: {said}" for what, said in summary.rows()]
    create_markdown_artifact(
        markdown="\n".join([*lines, "", "Labels are gender as perceived by annotators."]),
        key="summary",
        description=f"{summary.judged.capitalize()} accuracy {summary.accuracy}",
    )


def as_text(summary: Summary) -> Text:
    """The summary for a terminal."""
    width = max(len(what) for what, _ in summary.rows())
    return Text("\n").join(Text.assemble((what.ljust(width), "bold"), "  ", value) for what, value in summary.rows())
