"""What every flow does around its tasks: it waits for its checkout, and it reports failures and killed runs."""

import fcntl
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.states import Completed, Crashed

from facegender.errors import UserError, translate_os_error
from flows.lock import hold_lock
from tasks.checkout import Checkout
from tasks.states import NotCompletedError, copy_state, failed_state

P = ParamSpec("P")
RUNS = Path(".dvc/tmp/runs")
WATCH_EVERY_S = 1.0
SKIPPED = "Skipped"  # the name of a state of type Completed
NOT_FAILED = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.COMPLETED]


def name_run(flow: str, *parts: str) -> str:
    """Name a flow run: "retrain 2026-11-23 · 8,000 faces · a1b2c3d". Empty parts are left out."""
    return " · ".join(filter(None, [f"{flow} {date.today().isoformat()}", *parts]))


def report_failures(work: Callable[P, State[Any]]) -> Callable[P, State[Any]]:
    """Decorate a flow's function, so that it ends with one message instead of a traceback.

    It ends in the state of a task that did not complete. It ends as Failed after a user's mistake, and if the disk is
    full or may not be written. Any other error is a bug and keeps its traceback.
    """

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> State[Any]:
        try:
            return work(*args, **kwargs)
        except NotCompletedError as error:
            return copy_state(error.state)
        except Exception as error:
            user_error = error if isinstance(error, UserError) else translate_os_error(error)
            if user_error is None:
                raise
            return failed_state(str(user_error), by_user=True)

    return run


@contextmanager
def hold_checkout(root: Path, hours_per_stage: float | None = None) -> Iterator[Checkout]:
    """Wait for the checkout and hold it until the end of the block; without `hours_per_stage`, stages have no limit."""
    seconds = None if hours_per_stage is None else hours_per_stage * 3600
    with register_run(root), end_with_worker(), hold_lock(root, str(runtime.flow_run.name)) as lock:
        yield Checkout(root, lock, seconds)


@contextmanager
def register_run(root: Path) -> Iterator[None]:
    """Keep a locked file in the checkout while this process lives, and report runs that were killed.

    After a kill -9 Prefect would show a run as Running for ever, as nobody is left to report its end. But the kernel
    releases the lock of its file, so the next run in this checkout finds out.
    """
    folder = root / RUNS
    folder.mkdir(parents=True, exist_ok=True)
    mine = folder / str(runtime.flow_run.id)
    temporary = mine.with_suffix(".new")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT, 0o666)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    temporary.rename(mine)  # so that it is never unlocked under its final name
    try:
        report_killed_runs(folder)
        yield
    finally:
        mine.unlink(missing_ok=True)
        os.close(descriptor)


def report_killed_runs(folder: Path) -> None:
    """Set every run with an unlocked file to Crashed, unless it has ended."""
    for file in folder.iterdir():
        if file.suffix or is_locked(file):
            continue
        with get_client(sync_client=True) as client:
            try:
                run = client.read_flow_run(UUID(file.name))
            except ObjectNotFound:  # it ran on another server
                run = None
            if run is not None and run.state is not None and not run.state.is_final():
                message = "Its process ended without a report: it was killed, or the machine went down."
                client.set_flow_run_state(run.id, Crashed(message=message), force=True)
                get_run_logger().info("The earlier run %s was killed. It is now marked as crashed.", run.name)
        file.unlink(missing_ok=True)


def is_locked(file: Path) -> bool:
    """Return whether a process holds the lock of a run's file."""
    try:
        descriptor = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return True  # the run has just ended and removed its file
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def end_with_worker() -> Iterator[None]:
    """If a worker has started this process, end it as by SIGTERM once the worker is gone.

    A run without its worker could no longer be cancelled. Its stage's work is kept, and the next run resumes it.
    """
    if "PREFECT__FLOW_RUN_ID" not in os.environ:  # started by hand: its shell may end before it
        yield
        return
    parent, done = os.getppid(), threading.Event()

    def watch() -> None:
        while not done.wait(WATCH_EVERY_S):
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def skip_if_overtaken() -> State[Any] | None:
    """Return the state Skipped if a later scheduled run does the same work; None: this run must work."""
    later = find_later_run()
    if later is None:
        return None
    return Completed(name=SKIPPED, message=f"The later scheduled run {later} does the same work.")


def find_later_run() -> str | None:
    """Find a scheduled run of the same deployment and parameters that was due after this one; return its name.

    After a night without a worker, several runs are due at once and the last does the work of all. A worker may also
    start the last first and come to the earlier ones later.
    """
    deployment = runtime.deployment.id
    if deployment is None:
        return None
    with get_client(sync_client=True) as client:
        this = client.read_flow_run(UUID(str(runtime.flow_run.id)))
        if not this.auto_scheduled or this.expected_start_time is None:
            return None
        later = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[UUID(str(deployment))])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=NOT_FAILED)),
                expected_start_time=FlowRunFilterExpectedStartTime.model_validate(
                    {"after_": this.expected_start_time, "before_": datetime.now(UTC)}
                ),
            ),
        )
    due = (run for run in later if run.id != this.id and run.auto_scheduled and run.state_name != SKIPPED)
    return next((run.name for run in due if run.parameters == this.parameters), None)
