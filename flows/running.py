"""What every run does around its work: it is written down, queues up, and does not outlive its worker."""

import fcntl
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
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
from prefect.states import Crashed

from facegender.errors import UserError, translate_os_error
from flows.lock import held
from tasks.dvc_stage import failed

Options = ParamSpec("Options")
RUNS = Path(".dvc/tmp/runs")
WATCH_EVERY_S = 1.0
SKIPPED = "Skipped"  # the name of a state of type Completed
WORKED_OR_WILL = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.COMPLETED]


def disk_told(work: Callable[Options, State[Any]]) -> Callable[Options, State[Any]]:
    """The flow's function, which ends Failed with one message where the disk is full or may not be written."""

    @wraps(work)
    def run(*args: Options.args, **kwargs: Options.kwargs) -> State[Any]:
        try:
            return work(*args, **kwargs)
        except Exception as error:
            told = error if isinstance(error, UserError) else translate_os_error(error)
            if told is None:
                raise
            return failed(str(told), by_user=True)

    return run


@contextmanager
def at_work(root: Path) -> Iterator[int]:
    """Wait for the checkout and hold it; gives the lock's descriptor, for child processes to inherit."""
    with written_down(root), ended_with_its_worker(), held(root, str(runtime.flow_run.name)) as lock:
        yield lock


@contextmanager
def written_down(root: Path) -> Iterator[None]:
    """Keep a locked file in the checkout for as long as this process lives, and report runs that died without a word.

    After a kill -9 Prefect would show a run as Running for ever: nobody is left to say otherwise. The kernel lets go of
    the lock of its file, so the next run in this checkout knows.
    """
    folder = root / RUNS
    folder.mkdir(parents=True, exist_ok=True)
    mine = folder / str(runtime.flow_run.id)
    temporary = mine.with_suffix(".new")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT, 0o666)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    temporary.rename(mine)  # under its name it is locked from the first moment on
    try:
        report_dead(folder)
        yield
    finally:
        mine.unlink(missing_ok=True)
        os.close(descriptor)


def report_dead(folder: Path) -> None:
    """Set every run whose file is there and unlocked to Crashed, unless it has ended."""
    for file in folder.iterdir():
        if file.suffix or alive(file):
            continue
        with get_client(sync_client=True) as client:
            try:
                run = client.read_flow_run(UUID(file.name))
            except ObjectNotFound:  # another server's
                run = None
            if run is not None and run.state is not None and not run.state.is_final():
                message = "Its process ended without a word: it was killed, or the machine went down."
                client.set_flow_run_state(run.id, Crashed(message=message), force=True)
                get_run_logger().info("The earlier run %s was killed; it shows as crashed now.", run.name)
        file.unlink(missing_ok=True)


def alive(file: Path) -> bool:
    """Whether a process holds this file's lock."""
    try:
        descriptor = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return True  # it has just ended by itself
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def ended_with_its_worker() -> Iterator[None]:
    """Where a worker has started this process, end it as by SIGTERM once the worker is gone.

    A run without its worker could not be cancelled any more. What its stage has done so far is kept; the next run
    resumes there.
    """
    if "PREFECT__FLOW_RUN_ID" not in os.environ:  # by hand: the shell that started us may well go
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


def overtaken() -> str | None:
    """The name of a scheduled run of the same deployment that was due after this one, with the same parameters.

    None where this is the last. After a night without a worker several are due at once. The last does the work of all,
    also where a worker has begun with it and comes to the earlier ones behind it.
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
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=WORKED_OR_WILL)),
                expected_start_time=FlowRunFilterExpectedStartTime.model_validate(
                    {"after_": this.expected_start_time, "before_": datetime.now(UTC)}
                ),
            ),
        )
    due = (run for run in later if run.id != this.id and run.auto_scheduled and run.state_name != SKIPPED)
    return next((run.name for run in due if run.parameters == this.parameters), None)
