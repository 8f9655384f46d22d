"""Stage `validate` as a Prefect task: shows the quarantined rows with their reasons."""

from collections import Counter
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.schemas.objects import State

from facegender.files.json_files import read_json
from tasks.artifacts import TABLE_ROWS
from tasks.checkout import Checkout
from tasks.dvc_stage import run_stage
from tasks.stage_task import stage_task


@stage_task("validate")
def validate(checkout: Checkout) -> State[Any]:
    """Check every CSV row and decode every image."""
    state = run_stage("validate", checkout)
    if state.is_completed():
        publish(read_json(checkout.files.validation))
    return state


def publish(facts: dict[str, Any]) -> None:
    """Create a table of the quarantined rows, and the counts."""
    quarantined = facts["quarantined"]
    cut = f"; the first {TABLE_ROWS:,} are shown" if len(quarantined) > TABLE_ROWS else ""
    create_table_artifact(
        table=quarantined[:TABLE_ROWS] or [{"image": "none", "role": "", "reason": ""}],
        key="quarantine",
        description=f"Quarantined rows: {len(quarantined):,}{cut}",
    )
    create_markdown_artifact(markdown=format_counts(facts), key="validation", description="What data/ holds")


def format_counts(facts: dict[str, Any]) -> str:
    """Format the counts of validation.json as a Markdown table."""
    lines = ["| | rows |", "|---|---:|"]
    for section in ("counts", "class_counts"):
        heading = "label {} (as perceived by annotators)" if section == "class_counts" else "{}"
        for name, count in facts[section].items():
            lines.append(f"| {heading.format(str(name).replace('_', ' '))} | {count:,} |")
    for reason, count in Counter(row["reason"] for row in facts["quarantined"]).most_common():
        lines.append(f"| quarantined: {reason} | {count:,} |")
    warnings = facts.get("warnings")
    if isinstance(warnings, list) and warnings:
        lines += ["", *(f"- {warning}" for warning in warnings)]
    return "\n".join(lines)
