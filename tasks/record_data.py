"""The first step of a run: records the content of data/ in data.dvc. `dvc repro --single-item` alone would not look."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed

from tasks.checkout import Checkout
from tasks.command import Ended, explain_failure
from tasks.dvc_stage import read_status, run_dvc
from tasks.stage_task import stage_task
from tasks.states import CACHED, failed_state


@stage_task("record_data")
def record_data(checkout: Checkout) -> State[Any]:
    """Run `dvc add data` if data/ has changed; if data/ is missing, restore it from DVC's cache."""
    if checkout.up_to_date:
        return recorded_state()
    recorded = checkout.root / "data.dvc"
    if not checkout.files.data.is_dir():
        return restore_data(checkout)
    if recorded.exists() and read_status(checkout, "data.dvc") == {}:
        return recorded_state()
    before = recorded.read_bytes() if recorded.exists() else None
    code, output = run_dvc(checkout, "add", "data")
    if code != 0:
        return explain_failure("dvc add data", Ended(code, output.splitlines(), None, []))
    if recorded.read_bytes() == before:
        return Completed(message="data/ matches data.dvc, and DVC's cache now holds it.")
    what = "is new" if before is None else "has changed"
    message = f"data/ {what}: data.dvc now records its content. Commit data.dvc with dvc.lock."
    get_run_logger().info(message)
    return Completed(message=message)


def restore_data(checkout: Checkout) -> State[Any]:
    """Restore a missing data/ from DVC's cache, or say how to get it."""
    data = checkout.files.data
    if not (checkout.root / "data.dvc").exists():
        return failed_state(
            f"{data}: this folder must exist. Put images/, train.csv, test.csv and sample_submission.csv there, or "
            "draw the demo with `facegender demo`.",
            by_user=True,
        )
    code, _ = run_dvc(checkout, "checkout", "data.dvc")
    if code != 0 or not data.is_dir():
        return failed_state(
            f"{data}: the data that data.dvc names is neither here nor in DVC's cache. Fetch it with "
            "`dvc pull data.dvc`, draw the demo with `facegender demo`, or put your own data there.",
            by_user=True,
        )
    return Completed(message="data/ was missing. It is restored from DVC's cache.")


def recorded_state() -> State[Any]:
    """Return the state of a run that had nothing to record."""
    return Completed(name=CACHED, message="data/ matches data.dvc.")
