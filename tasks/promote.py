"""The last step of a retraining: a model that is not worse than the champion takes its place."""

import json
import sys
from dataclasses import asdict
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.states import Completed

from facegender.errors import UserError
from facegender.files.atomic import atomic_file
from tasks import registry
from tasks.checkout import Checkout
from tasks.dvc_stage import Ended, explain, failed, follow
from tasks.evaluate import estimate
from tasks.registry import Made, Version

RESOURCE = {"prefect.resource.id": "facegender.model", "prefect.resource.name": "facegender's model"}
NOT_PROMOTED = "NotPromoted"  # the name of a state of type Completed


@task(task_run_name="promote", cache_policy=NO_CACHE)
def promote(checkout: Checkout, anyway: bool = False) -> State[Any]:
    """Decide by `facegender promotion`, and make the model the champion or say why not.

    `anyway`: a person has decided; the figures are recorded all the same.
    """
    try:
        registry.refuse_without_git(checkout.root)
        known = registry.versions(checkout)
        serving = registry.champion_of(known)
        registry.settle(checkout, serving)
        what = registry.made(checkout.root)
        if serving is not None and serving.record["model"] == what.model:
            return Completed(name="Cached", message=f"This model is the champion already, {serving.name}.")
        decision = decide(checkout, known, serving, what, anyway)
        if isinstance(decision, State):
            return decision
        if decision["promote"] or anyway:
            return promoted(checkout, known, serving, what, {**decision, "by_hand": anyway})
    except UserError as error:
        return Completed(name=NOT_PROMOTED, message=str(error)) if without_git(checkout) else failed(str(error), True)
    return refused(decision, serving)


def without_git(checkout: Checkout) -> bool:
    """A folder that cannot have versions trains and scores its test images all the same."""
    return not registry.git(checkout.root, "rev-parse", "--verify", "--quiet", "HEAD", check=False)


def decide(
    checkout: Checkout, known: list[Version], serving: Version | None, what: Made, anyway: bool
) -> dict[str, Any] | State[Any]:
    """promotion.json; the state to end with where the decision cannot be had, or was taken before."""
    against = {**asdict(what), "champion": serving.name if serving else None, "params": params_of(checkout)}
    if serving is None:
        decision: dict[str, Any] = {"promote": True, "reasons": ["It is the first model."]}
    elif serving.record["demo"] and not registry.is_demo(checkout):
        decision = {"promote": True, "reasons": ["The champion was made from the drawn demo, and this one is not."]}
    elif earlier := next(
        (version for version in known if version.record["model"] == what.model and version.served), None
    ):
        reason = f"It is {earlier.name}, which was the champion before and was rolled back."
        decision = {"promote": False, "reasons": [reason]}
    else:
        before = recorded(checkout)
        if before is not None and before.get("of") == against and not before["promote"] and not anyway:
            reasons = " ".join(before["reasons"])
            return Completed(name="Cached", message=f"Not promoted, as decided before: {reasons}")
        command = [sys.executable, "-m", "facegender", "promotion", "artifacts/champion"]
        ended = follow(command, "promotion", checkout)
        if not isinstance(ended, Ended):
            return ended
        if ended.returncode != 0:
            return explain("facegender promotion", ended)
        decision = recorded(checkout) or {}
    decision = {**decision, "of": against}
    with atomic_file(checkout.files.promotion) as file:
        file.write_text(json.dumps(decision, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return decision


def recorded(checkout: Checkout) -> dict[str, Any] | None:
    """promotion.json, where there is one."""
    path = checkout.files.promotion
    if not path.is_file():
        return None
    decision: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return decision


def params_of(checkout: Checkout) -> dict[str, Any]:
    """What params.yaml says of the decision."""
    from facegender.params.reading import read_params

    values = read_params(checkout.root / "params.yaml")
    return {
        "margin": values.compare.margin,
        **values.promote.model_dump(),
        "bootstrap": values.evaluate.bootstrap,
        "min_slice": values.evaluate.min_slice,
    }


def promoted(
    checkout: Checkout, known: list[Version], serving: Version | None, what: Made, decision: dict[str, Any]
) -> State[Any]:
    """Register, serve, and tell it."""
    version = registry.register(checkout, known, what, decision)
    registry.serve(checkout, version)
    message = f"Promoted: model {version.name} is the champion" + (f", after {serving.name}." if serving else ".")
    show(message, decision, version)
    tell("promoted", version=version.name, before=serving.name if serving else None, by_hand=decision["by_hand"])
    return Completed(message=message)


def refused(decision: dict[str, Any], serving: Version | None) -> State[Any]:
    """Tell why; the run has done its work all the same."""
    name = serving.name if serving else "none"
    why = " ".join(decision["reasons"])
    message = f"Not promoted: {why} The champion stays {name}."
    show(f"Not promoted: the champion stays {name}.", decision, serving)
    tell("not-promoted", champion=name, reasons=decision["reasons"])
    return Completed(name=NOT_PROMOTED, message=message)


def tell(what: str, **payload: Any) -> None:
    """An event that an automation can act on: facegender.model.promoted, .not-promoted, .rolled-back."""
    emit_event(event=f"facegender.model.{what}", resource=RESOURCE, payload=payload)


def show(heading: str, decision: dict[str, Any], version: Version | None) -> None:
    """The decision with its reasons and figures on the run's page."""
    lines = [f"# {heading}", "", *(f"- {reason}" for reason in decision["reasons"]), ""]
    lines += ["Labels are gender as perceived by annotators.", ""]
    if "accuracy" in decision:
        lines += figures(decision)
    if version is not None:
        record = version.record
        lines += ["", f"Champion: {version.name}, {record['judged']} accuracy {estimate(record['accuracy'])}", ""]
        lines += ["| what made it | |", "|---|---|", f"| tag | `{registry.ARTIFACT}@{version.name}` |"]
        lines += [f"| {name} | `{record[name]}` |" for name in ("code", "data", "model")]
    create_markdown_artifact(markdown="\n".join(lines), key="promotion", description=heading)


def figures(decision: dict[str, Any]) -> list[str]:
    """The table of a comparison."""
    rows = [("accuracy", decision["accuracy"])]
    if "by_earlier_labels" in decision:
        rows.append(("accuracy by the labels of then", decision["by_earlier_labels"]))
    rows += [(f"accuracy, {row['column']}: {row['value']}", row) for row in decision["slices"]]
    rows.append(("calibration error", decision["calibration"]))
    relabelled = decision["relabelled"]
    lines = ["| | champion | this model | change | 95% interval | n |", "|---|---:|---:|---:|---|---:|"]
    for name, row in rows:
        difference = row["difference"]
        lines.append(
            f"| {name} | {row['champion']['value']:.3f} | {row['model']['value']:.3f} | {difference['value']:+.3f} | "
            f"{difference['low']:+.3f} to {difference['high']:+.3f} | {difference['n']:,} |"
        )
    return [*lines, "", f"Labels that have changed since: {relabelled['value']:.1%} of {relabelled['n']:,}."]
