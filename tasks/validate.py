"""Stage `validate` as a Prefect task: shows what was set aside, and why."""

import json
from collections import Counter
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from tasks.checkout import Checkout
from tasks.dvc_stage import run_stage, was_killed

TABLE_ROWS = 1000  # a longer table helps nobody and slows the page; validation.json has them all


@task(task_run_name="validate", cache_policy=NO_CACHE, retries=1, retry_condition_fn=was_killed)
def validate(checkout: Checkout) -> State[Any]:
    """Check every CSV row and decode every image."""
    state = run_stage("validate", checkout)
    if state.is_completed():
        publish(checkout)
    return state


def publish(checkout: Checkout) -> None:
    """A table of the quarantined rows, and the counts."""
    facts = json.loads(checkout.files.validation.read_text(encoding="utf-8"))
    quarantined = facts["quarantined"]
    shown = f", the first {TABLE_ROWS:,} are shown" if len(quarantined) > TABLE_ROWS else ""
    create_table_artifact(
        table=quarantined[:TABLE_ROWS] or [{"image": "none", "role": "", "reason": ""}],
        key="quarantine",
        description=f"Rows set aside: {len(quarantined):,}{shown}",
    )
    create_markdown_artifact(markdown=counts(facts), key="validation", description="What data/ holds")


def counts(facts: dict[str, object]) -> str:
    """The counts of validation.json as markdown."""
    lines = ["| | rows |", "|---|---:|"]
    for section in ("counts", "class_counts"):
        values = facts[section]
        assert isinstance(values, dict)
        heading = "label {} (as perceived by annotators)" if section == "class_counts" else "{}"
        for name, count in values.items():
            lines.append(f"| {heading.format(str(name).replace('_', ' '))} | {count:,} |")
    quarantined = facts["quarantined"]
    assert isinstance(quarantined, list)
    for reason, count in Counter(row["reason"] for row in quarantined).most_common():
        lines.append(f"| set aside: {reason} | {count:,} |")
    warnings = facts.get("warnings")
    if isinstance(warnings, list) and warnings:
        lines += ["", *(f"- {warning}" for warning in warnings)]
    return "\n".join(lines)
