"""The first step of a run: data.dvc comes to say what data/ holds now. `dvc repro -s` alone would not look."""

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed

from tasks.checkout import Checkout
from tasks.dvc_stage import Ended, dvc, explain, failed, status, was_killed


@task(task_run_name="record_data", cache_policy=NO_CACHE, retries=1, retry_condition_fn=was_killed)
def record_data(checkout: Checkout) -> State[Any]:
    """`dvc add data` where data/ changed; take data/ out of DVC's cache where it is missing."""
    if checkout.up_to_date:
        return as_recorded()
    data, recorded = checkout.files.data, checkout.root / "data.dvc"
    if not data.is_dir():
        if not recorded.exists():
            return failed(
                f"{data}: there must be a folder of data. Put images/, train.csv, test.csv and sample_submission.csv "
                "there, or draw the demo with `facegender demo`.",
                by_user=True,
            )
        code, _ = dvc(checkout, "checkout", "data.dvc")
        if code != 0 or not data.is_dir():
            return failed(
                f"{data}: the data that data.dvc names is neither there nor in DVC's cache. Get it with "
                "`dvc pull data.dvc`, draw the demo with `facegender demo`, or put data of your own there.",
                by_user=True,
            )
        return Completed(message="Taken out of DVC's cache: data/ was missing.")
    if recorded.exists() and status(checkout, "data.dvc") == {}:
        return as_recorded()
    before = recorded.read_bytes() if recorded.exists() else None
    code, output = dvc(checkout, "add", "data")
    if code != 0:
        return explain("dvc add data", Ended(code, output.splitlines(), None, []))
    if recorded.read_bytes() == before:
        return Completed(message="data/ is as data.dvc says, and lies in DVC's cache now.")
    what = "is recorded" if before is None else "has changed"
    message = f"data/ {what}: data.dvc says now what it holds. Commit data.dvc with dvc.lock."
    get_run_logger().info(message)
    return Completed(message=message)


def as_recorded() -> State[Any]:
    """The state where nothing had to be recorded."""
    return Completed(name="Cached", message="data/ is as data.dvc says.")
