"""Stage `submit` as a Prefect task: shows the submission's rows by status and label."""

from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State

from tasks.checkout import Checkout
from tasks.dvc_stage import run_stage
from tasks.stage_task import stage_task


@stage_task("submit")
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
    """Count the rows of predictions_test.parquet by status (scored, or fallback if unreadable) and label."""
    import pyarrow.parquet as pq

    table = pq.read_table(predictions, columns=["status", "label"])
    cells = table.group_by(["status", "label"]).aggregate([([], "count_all")]).to_pylist()
    return sorted((cell["status"], str(cell["label"]), cell["count_all"]) for cell in cells)
