"""Another version becomes the champion, by a person's decision."""

from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from facegender.errors import UserError
from tasks import registry
from tasks.checkout import Checkout
from tasks.dvc_stage import failed
from tasks.evaluate import estimate
from tasks.promote import tell
from tasks.registry import Version


@task(task_run_name="roll_back", cache_policy=NO_CACHE)
def roll_back(checkout: Checkout, name: str | None) -> State[Any]:
    """Make `name` the champion; None: the version before the champion."""
    try:
        known = registry.versions(checkout)
        serving = registry.champion_of(known)
        version = named(known, name) if name else before(known, serving)
        registry.place(checkout, version)  # before the tag: a version whose files are lost serves nobody
        registry.assign(checkout, version)
    except UserError as error:
        return failed(str(error), by_user=True)
    was = serving.name if serving else "none"
    message = f"The champion is model {version.name} now; it was {was}."
    accuracy = estimate(version.record["accuracy"])
    create_markdown_artifact(
        markdown=f"# {message}\n\nIts {version.record['judged']} accuracy: {accuracy}.\n\n"
        "Labels are gender as perceived by annotators.",
        key="rollback",
        description=message,
    )
    tell("rolled-back", version=version.name, before=was)
    return Completed(message=message)


def named(known: list[Version], name: str) -> Version:
    """The version of that name.

    Raises
    ------
    UserError
        There is none.
    """
    for version in known:
        if version.name == name:
            return version
    there = ", ".join(version.name for version in known) or "none"
    raise UserError(name, f"must be a version: {there}", None, "`python -m flows.champion list` tells more.")


def before(known: list[Version], serving: Version | None) -> Version:
    """The highest version below the champion's.

    Raises
    ------
    UserError
        There is none.
    """
    older = known[known.index(serving) + 1 :] if serving in known else []
    if not older:
        what = f"{serving.name} is the first" if serving else "no model has been promoted"
        raise UserError("champion", "there must be an earlier version to roll back to", what)
    return older[0]
