"""Runs DVC: the one place that does."""

import json
import sys
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.checkout import Checkout
from tasks.child import Child
from tasks.command import Watch, explain_failure, follow
from tasks.states import unchanged_state


def run_stage(stage: str, checkout: Checkout, pipeline: str | None = None, watch: Watch | None = None) -> State[Any]:
    """Run `dvc repro --single-item STAGE` and return the state in which the task ends.

    Parameters
    ----------
    pipeline
        Another file than dvc.yaml.
    watch
        See tasks.command.follow.

    Returns
    -------
    State
        Completed; Cached if DVC had nothing to run; Failed with the message for the user, or with the end of a bug's
        output; TimedOut.
    """
    if checkout.up_to_date:
        return unchanged_state()
    address = stage if pipeline is None else f"{pipeline}:{stage}"
    ended = follow([sys.executable, "-m", "dvc", "repro", "--single-item", address], stage, checkout, watch=watch)
    if isinstance(ended, State):
        return ended
    if ended.returncode != 0:
        return explain_failure(f"dvc repro --single-item {address}", ended)
    if not any(line.startswith(f"Running stage '{address}'") for line in ended.lines):
        return unchanged_state()
    return Completed(message="; ".join(ended.notes) or None)


def read_status(checkout: Checkout, *targets: str) -> dict[str, Any] | None:
    """Run `dvc status`: the changes by stage; {} if there are none, None if DVC cannot tell."""
    code, output = run_dvc(checkout, "status", "--json", *targets)
    if code != 0:
        return None
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def run_dvc(checkout: Checkout, *arguments: str) -> tuple[int | None, str]:
    """Run a short DVC command to its end; return its exit status and output."""
    with Child([sys.executable, "-m", "dvc", *arguments], checkout) as child:
        lines = [line for line in child.lines() if line]
    return child.returncode, "\n".join(lines)
