"""Stage `split` as a Prefect task: shows how many rows of each label lie on each side."""

from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from tasks.checkout import Checkout
from tasks.dvc_stage import run_stage, was_killed


@task(task_run_name="split", cache_policy=NO_CACHE, retries=1, retry_condition_fn=was_killed)
def split(checkout: Checkout) -> State[Any]:
    """Set validation rows apart."""
    state = run_stage("split", checkout)
    if state.is_completed():
        create_table_artifact(
            table=fold_table(checkout.files.splits),
            key="split",
            description="Rows of each label, as perceived by annotators, by the fold that validates them",
        )
    return state


def fold_table(splits: Path) -> list[dict[str, object]]:
    """One row a fold, one column a label."""
    import pyarrow.parquet as pq

    from facegender.files.splits import fold_name

    table = pq.read_table(splits, columns=["fold", "label"])
    cells = table.group_by(["fold", "label"]).aggregate([([], "count_all")]).to_pylist()
    rows: dict[int, dict[str, object]] = {}
    for cell in sorted(cells, key=lambda cell: (cell["fold"], cell["label"])):
        row = rows.setdefault(cell["fold"], {"fold": fold_name(cell["fold"])})
        row[f"label {cell['label']}"] = cell["count_all"]
    return list(rows.values())
