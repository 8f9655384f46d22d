"""Scoring in production as a Prefect task: the champion scores new pictures, and the task shows their drift."""

import sys
from datetime import date
from pathlib import Path
from typing import Any

from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.states import Completed

from facegender.errors import UserError
from facegender.files.json_files import read_json
from tasks import registry
from tasks.artifacts import PERCEIVED, TABLE_ROWS, embed_picture
from tasks.checkout import Checkout
from tasks.command import Ended, explain_failure, follow
from tasks.git import run_git
from tasks.promote import RESOURCE
from tasks.stage_task import stage_task
from tasks.states import CACHED, failed_state

DRIFTED = "Drifted"  # the name of a state of type Completed
NOTHING_NEW = "Nothing is new"  # begins the message of `facegender score` if it had nothing to do
LEAST_P = 0.0001  # p-values below it are approximations


@stage_task("score")
def score(checkout: Checkout, again: bool) -> State[Any]:
    """Run `facegender score` with the champion that the git tags name.

    Returns
    -------
    State
        Completed; Drifted, which is of type Completed too; Cached if there were no new pictures.
    """
    try:
        if run_git(checkout.root, "tag", "--list", f"{registry.ARTIFACT}@*", check=False):
            registry.restore_champion(checkout, registry.find_champion(registry.list_versions(checkout)))
    except UserError as error:
        return failed_state(str(error), by_user=True)
    command = [sys.executable, "-m", "facegender", "score", "--date", date.today().isoformat()]
    ended = follow([*command, "--again"] if again else command, "score", checkout)
    if not isinstance(ended, Ended):
        return ended
    if ended.returncode != 0:
        return explain_failure("facegender score", ended)
    note = ended.notes[-1]
    if note.startswith(NOTHING_NEW):
        version = read_json(checkout.files.champion / registry.RECORD)["version"]
        return Completed(name=CACHED, message=f"{note} The champion is {version}.")
    return publish(checkout, checkout.root / note)


def publish(checkout: Checkout, folder: Path) -> State[Any]:
    """Create artifacts of drift and quarantine; emit an event and return Drifted if something has drifted."""
    facts = read_json(folder / "drift.json")
    where = folder.relative_to(checkout.root)
    message = (
        f"Champion {facts['champion']} scored {facts['scored']:,} new pictures of {facts['source']} "
        f"({facts['abstained']:,} without an answer, {facts['quarantined']:,} unreadable): {where}"
    )
    drifted = facts["drifted"]
    verdict = f"Drifted: {', '.join(drifted)}." if drifted else "Nothing has drifted."
    create_markdown_artifact(
        markdown=f"# {verdict}\n\n{message}.\n\n{PERCEIVED}\n\n{format_drift(facts['drift'])}",
        key="drift",
        description=verdict,
    )
    plot = embed_picture(folder / "drift.svg")
    create_image_artifact(image_url=plot, key="plot-drift", description="New pictures beside the champion's own")
    create_table_artifact(
        table=list_quarantined(folder / "predictions.parquet") or [{"image": "none", "reason": ""}],
        key="score-quarantine",
        description=f"Files that could not be scored: {facts['quarantined']:,}",
    )
    if not drifted:
        return Completed(message=f"{message}. {verdict}")
    emit_event(
        event="facegender.score.drifted",
        resource=RESOURCE,
        payload={"champion": facts["champion"], "folder": str(where), "drifted": drifted, "drift": facts["drift"]},
    )
    return Completed(name=DRIFTED, message=f"{message}. {verdict}")


def format_drift(drift: list[dict[str, Any]]) -> str:
    """Format each quantity as a row of a Markdown table: means or shares, the statistic, its limit and p-value."""
    lines = ["| quantity | verdict | champion's rows | n | now | n | statistic | limit | p |"]
    lines.append("|---|---|---:|---:|---:|---:|---|---:|---:|")
    for row in drift:
        verdict = "**drifted**" if row["drifted"] else "within limits"
        p = f"{row['p_value']:.2g}" if row["p_value"] >= LEAST_P else f"< {LEAST_P}"
        lines.append(
            f"| {row['quantity']} | {verdict} | {row['reference']:.3f} | {row['n_reference']:,} | {row['now']:.3f} | "
            f"{row['n_now']:,} | {row['statistic']} {row['value']:.3f} | {row['limit']:g} | {p} |"
        )
    return "\n".join(lines)


def list_quarantined(predictions: Path) -> list[dict[str, Any]]:
    """List image and reason of the quarantined files, at most TABLE_ROWS."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    rows = pq.read_table(predictions, columns=["image", "status", "reason"])
    found: list[dict[str, Any]] = rows.filter(pc.equal(rows["status"], "quarantined")).slice(0, TABLE_ROWS).to_pylist()
    return [{"image": row["image"], "reason": row["reason"]} for row in found]
