"""Makes another version the champion, by a person's decision."""

from typing import Any

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from facegender.errors import UserError
from tasks import registry
from tasks.artifacts import PERCEIVED
from tasks.checkout import Checkout
from tasks.estimates import format_estimate
from tasks.promote import emit_model_event
from tasks.registry import Version
from tasks.stage_task import stage_task
from tasks.states import failed_state


@stage_task("roll_back", retry_if=None)
def roll_back(checkout: Checkout, name: str | None) -> State[Any]:
    """Make version `name` the champion; None: the version before the champion."""
    try:
        known = registry.list_versions(checkout)
        champion = registry.find_champion(known)
        version = find_version(known, name) if name else find_previous(known, champion)
        # files first: a version without its files must not become the champion
        registry.fetch_files(checkout, version)
        registry.assign_champion(checkout, version)
    except UserError as error:
        return failed_state(str(error), by_user=True)
    before = champion.name if champion else "none"
    message = f"The champion is now model {version.name}. Before, it was {before}."
    accuracy = format_estimate(version.record["accuracy"])
    create_markdown_artifact(
        markdown=f"# {message}\n\nIts {version.record['judged']} accuracy: {accuracy}.\n\n{PERCEIVED}",
        key="rollback",
        description=message,
    )
    emit_model_event("rolled-back", version=version.name, before=before)
    return Completed(message=message)


def find_version(known: list[Version], name: str) -> Version:
    """Find a version by its name.

    Raises
    ------
    UserError
        There is none of this name.
    """
    for version in known:
        if version.name == name:
            return version
    names = ", ".join(version.name for version in known) or "none"
    raise UserError(name, f"must be a version: {names}", None, "`python -m flows.champion list` shows them.")


def find_previous(known: list[Version], champion: Version | None) -> Version:
    """Find the highest version below the champion's.

    Raises
    ------
    UserError
        There is none.
    """
    older = known[known.index(champion) + 1 :] if champion in known else []
    if not older:
        received = f"{champion.name} is the first" if champion else "no model has been promoted"
        raise UserError("champion", "there must be an earlier version to roll back to", received)
    return older[0]
