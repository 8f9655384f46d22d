"""Scoring in production as a Prefect task: what is new, by the champion, and whether it has drifted."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.states import Completed

from facegender.errors import UserError
from tasks import registry
from tasks.checkout import Checkout
from tasks.dvc_stage import Ended, explain, failed, follow, was_killed
from tasks.evaluate import data_url
from tasks.promote import RESOURCE

DRIFTED = "Drifted"  # the name of a state of type Completed
NOTHING_NEW = "Nothing is new"
TABLE_ROWS = 1000
LEAST_P = 0.0001  # smaller ones are approximations
PERCEIVED = "Labels are gender as perceived by annotators."


@task(task_run_name="score", cache_policy=NO_CACHE, retries=1, retry_condition_fn=was_killed)
def score(checkout: Checkout, again: bool) -> State[Any]:
    """`facegender score` with the champion that the tags name.

    Returns
    -------
    State
        Completed; Drifted, which is Completed too; Cached where nothing is new.
    """
    try:
        if registry.git(checkout.root, "tag", "--list", f"{registry.ARTIFACT}@*", check=False):
            registry.settle(checkout, registry.champion_of(registry.versions(checkout)))
    except UserError as error:
        return failed(str(error), by_user=True)
    command = [sys.executable, "-m", "facegender", "score", "--date", date.today().isoformat()]
    ended = follow([*command, "--again"] if again else command, "score", checkout)
    if not isinstance(ended, Ended):
        return ended
    if ended.returncode != 0:
        return explain("facegender score", ended)
    version = json.loads((checkout.files.champion / registry.RECORD).read_text(encoding="utf-8"))["version"]
    told = ended.notes[-1]
    if told.startswith(NOTHING_NEW):
        return Completed(name="Cached", message=f"{told} The champion is {version}.")
    return publish(checkout, checkout.root / told)


def publish(checkout: Checkout, folder: Path) -> State[Any]:
    """Table, plot, quarantine; an event and a state of its own where something has drifted."""
    facts = json.loads((folder / "drift.json").read_text(encoding="utf-8"))
    where = folder.relative_to(checkout.root)
    message = (
        f"Champion {facts['champion']} scored {facts['scored']:,} new pictures of {facts['source']} "
        f"({facts['abstained']:,} without an answer, {facts['quarantined']:,} unreadable): {where}"
    )
    drifted = facts["drifted"]
    verdict = f"Drifted: {', '.join(drifted)}." if drifted else "Nothing has drifted."
    said = f"{message}. {verdict}"
    create_markdown_artifact(
        markdown=f"# {verdict}\n\n{message}.\n\n{PERCEIVED}\n\n{table(facts['drift'])}",
        key="drift",
        description=verdict,
    )
    plot = data_url(folder / "drift.svg")
    create_image_artifact(image_url=plot, key="plot-drift", description="New pictures beside the champion's own")
    create_table_artifact(
        table=unreadable(folder / "predictions.parquet") or [{"image": "none", "reason": ""}],
        key="score-quarantine",
        description=f"Files that could not be scored: {facts['quarantined']:,}",
    )
    if not drifted:
        return Completed(message=said)
    emit_event(
        event="facegender.score.drifted",
        resource=RESOURCE,
        payload={"champion": facts["champion"], "folder": str(where), "drifted": drifted, "drift": facts["drift"]},
    )
    return Completed(name=DRIFTED, message=said)


def table(drift: list[dict[str, Any]]) -> str:
    """The quantities as markdown: means and shares, how far apart, and the limit."""
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


def unreadable(predictions: Path) -> list[dict[str, Any]]:
    """image and reason of the files that were set aside, the first TABLE_ROWS."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    rows = pq.read_table(predictions, columns=["image", "status", "reason"])
    found: list[dict[str, Any]] = rows.filter(pc.equal(rows["status"], "quarantined")).slice(0, TABLE_ROWS).to_pylist()
    return [{"image": row["image"], "reason": row["reason"]} for row in found]
