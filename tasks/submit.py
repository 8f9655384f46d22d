"""Stage `submit` as a Prefect task: shows what the submission holds."""

from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from tasks.checkout import Checkout
from tasks.dvc_stage import run_stage, was_killed


@task(task_run_name="submit", cache_policy=NO_CACHE, retries=1, retry_condition_fn=was_killed)
def submit(checkout: Checkout) -> State[Any]:
    """Score the test images; write the submission."""
    state = run_stage("submit", checkout)
    if state.is_completed():
        counts = count_rows(checkout.files.predictions_test)
        rows = "\n".join(f"| {status} | {label} | {count:,} |" for status, label, count in counts)
        create_markdown_artifact(
            markdown=f"`{checkout.files.submission}`\n\n| status | label | rows |\n|---|---|---:|\n{rows}",
            key="submission",
            description=f"Submission of {sum(count for _, _, count in counts):,} rows",
        )
    return state


def count_rows(predictions: Path) -> list[tuple[str, str, int]]:
    """(status, label, rows) of predictions_test.parquet: scored, or the fallback for what could not be read."""
    import pyarrow.parquet as pq

    table = pq.read_table(predictions, columns=["status", "label"])
    cells = table.group_by(["status", "label"]).aggregate([([], "count_all")]).to_pylist()
    return sorted((cell["status"], str(cell["label"]), cell["count_all"]) for cell in cells)
