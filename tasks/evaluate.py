"""Stage `evaluate` as a Prefect task: shows the figures with n and interval, and the confusion matrix."""

from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State

from facegender.files.json_files import read_json
from tasks.artifacts import PERCEIVED, embed_picture
from tasks.checkout import Checkout
from tasks.dvc_stage import run_stage
from tasks.estimates import format_estimate
from tasks.stage_task import stage_task


@stage_task("evaluate")
def evaluate(checkout: Checkout) -> State[Any]:
    """Score the validation images; write metrics, plots and report."""
    state = run_stage("evaluate", checkout)
    if state.is_completed():
        publish(checkout.files.evaluation)
    return state


def publish(folder: Path) -> None:
    """Create one artifact of the figures and one of all plots; one a plot would crowd the run's graph."""
    figures = read_json(folder / "metrics.json")
    create_markdown_artifact(
        markdown=f"{format_metrics(figures)}\n\nReport: `{folder / 'report.html'}`",
        key="evaluation",
        description=f"{figures['judged'].capitalize()} accuracy {format_estimate(figures['accuracy'])}",
    )
    create_markdown_artifact(
        markdown=format_plots(folder / "plots"), key="plots", description="The plots of the report"
    )


def format_plots(folder: Path) -> str:
    """Format every plot as Markdown that embeds the picture, under its name."""
    parts = []
    for plot in sorted(folder.glob("*.svg")):
        name = "ROC" if plot.stem == "roc" else plot.stem.replace("_", " ").capitalize()
        parts.append(f"## {name}\n\n![{name}]({embed_picture(plot)})")
    return "\n\n".join([*parts, PERCEIVED])


def format_metrics(figures: dict[str, Any]) -> str:
    """Format metrics.json as Markdown."""
    overall = {name: figure for name, figure in figures.items() if isinstance(figure, dict) and "low" in figure}
    lines = [f"# {figures['judged'].capitalize()} accuracy {format_estimate(figures['accuracy'])}", ""]
    lines += [PERCEIVED, ""]
    lines += ["| figure | value | 95% interval | n |", "|---|---:|---|---:|"]
    for name, figure in overall.items():
        interval = "" if figure["low"] is None else f"{figure['low']:.3f} to {figure['high']:.3f}"
        value = "undefined" if figure["value"] is None else f"{figure['value']:.3f}"
        lines.append(f"| {name.replace('_', ' ')} | {value} | {interval} | {figure['n']:,} |")
    negative, positive = figures["classes"]
    counts = figures["confusion"]
    return "\n".join(
        [
            *lines,
            "",
            f"| perceived as | predicted {negative} | predicted {positive} |",
            "|---|---:|---:|",
            f"| {negative} | {counts['true_negative']:,} | {counts['false_positive']:,} |",
            f"| {positive} | {counts['false_negative']:,} | {counts['true_positive']:,} |",
        ]
    )
