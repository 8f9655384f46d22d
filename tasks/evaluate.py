"""Stage `evaluate` as a Prefect task: shows the figures with n and interval, and the confusion matrix."""

import base64
import json
from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from tasks.checkout import Checkout
from tasks.dvc_stage import run_stage, was_killed


@task(task_run_name="evaluate", cache_policy=NO_CACHE, retries=1, retry_condition_fn=was_killed)
def evaluate(checkout: Checkout) -> State[Any]:
    """Score the validation images; leave metrics, plots and report."""
    state = run_stage("evaluate", checkout)
    if state.is_completed():
        folder = checkout.files.evaluation
        figures = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        create_markdown_artifact(
            markdown=f"{headline(figures)}\n\nReport: `{folder / 'report.html'}`",
            key="evaluation",
            description=f"{figures['judged'].capitalize()} accuracy {estimate(figures['accuracy'])}",
        )
        create_markdown_artifact(
            markdown=pictures(folder / "plots"),  # one page of them: as many artifacts would crowd the run's graph
            key="plots",
            description="The plots of the report",
        )
    return state


def pictures(folder: Path) -> str:
    """Every plot under its name, as markdown that holds the pictures themselves."""
    parts = []
    for plot in sorted(folder.glob("*.svg")):
        name = "ROC" if plot.stem == "roc" else plot.stem.replace("_", " ").capitalize()
        parts.append(f"## {name}\n\n![{name}]({data_url(plot)})")
    return "\n\n".join([*parts, "Labels are gender as perceived by annotators."])


def data_url(picture: Path) -> str:
    """An SVG or PNG file as a URL that holds it: a browser shows no file of the machine that the run was on."""
    kind = {".svg": "svg+xml", ".png": "png"}[picture.suffix]
    return f"data:image/{kind};base64,{base64.b64encode(picture.read_bytes()).decode()}"


def estimate(figure: dict[str, Any]) -> str:
    """A figure as people read it: "0.861 (95% interval 0.840 to 0.880, n = 1,200)"."""
    if figure["value"] is None:
        return f"undefined (n = {figure['n']:,})"
    return f"{figure['value']:.3f} (95% interval {figure['low']:.3f} to {figure['high']:.3f}, n = {figure['n']:,})"


def headline(figures: dict[str, Any]) -> str:
    """metrics.json as markdown."""
    overall = {name: figure for name, figure in figures.items() if isinstance(figure, dict) and "low" in figure}
    lines = [f"# {figures['judged'].capitalize()} accuracy {estimate(figures['accuracy'])}", ""]
    lines += ["Labels are gender as perceived by annotators.", ""]
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
