"""Stage `split` as a Prefect task: shows how many rows of each label lie on each side."""

from pathlib import Path
from typing import Any

from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State

from tasks.checkout import Checkout
from tasks.dvc_stage import run_stage
from tasks.stage_task import stage_task


@stage_task("split")
def split(checkout: Checkout) -> State[Any]:
    """Set validation rows apart."""
    state = run_stage("split", checkout)
    if state.is_completed():
        create_table_artifact(
            table=fold_table(checkout.files.splits),
            key="split",
            description="Rows by label, as perceived by annotators, and by the fold that validates them",
        )
    return state


def fold_table(splits: Path) -> list[dict[str, object]]:
    """Count the rows of splits.parquet: one row a fold, one column a label."""
    import pyarrow.parquet as pq

    from facegender.files.splits import fold_name

    table = pq.read_table(splits, columns=["fold", "label"])
    cells = table.group_by(["fold", "label"]).aggregate([([], "count_all")]).to_pylist()
    rows: dict[int, dict[str, object]] = {}
    for cell in sorted(cells, key=lambda cell: (cell["fold"], cell["label"])):
        row = rows.setdefault(cell["fold"], {"fold": fold_name(cell["fold"])})
        row[f"label {cell['label']}"] = cell["count_all"]
    return list(rows.values())
