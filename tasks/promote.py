"""The last step of a retraining: a model that is not worse than the champion replaces it."""

import sys
from dataclasses import asdict
from typing import Any

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.states import Completed

from facegender.errors import UserError
from facegender.files.atomic import atomic_file
from facegender.files.json_files import read_json, write_json
from tasks import registry
from tasks.artifacts import PERCEIVED
from tasks.checkout import Checkout
from tasks.command import Ended, explain_failure, follow
from tasks.estimates import format_estimate
from tasks.git import run_git
from tasks.registry import Hashes, Version
from tasks.stage_task import stage_task
from tasks.states import CACHED, failed_state

RESOURCE = {"prefect.resource.id": "facegender.model", "prefect.resource.name": "facegender's model"}
NOT_PROMOTED = "NotPromoted"  # the name of a state of type Completed


@stage_task("promote", retry_if=None)
def promote(checkout: Checkout, anyway: bool = False) -> State[Any]:
    """Decide by `facegender promotion`, and make the model the champion or say why not.

    `anyway`: a person has decided to promote; the figures are recorded all the same.
    """
    try:
        registry.require_commit(checkout.root)
        known = registry.list_versions(checkout)
        champion = registry.find_champion(known)
        registry.restore_champion(checkout, champion)
        model = registry.read_hashes(checkout.root)
        if champion is not None and champion.record["model"] == model.model:
            return Completed(name=CACHED, message=f"This model is already the champion, {champion.name}.")
        decision = decide(checkout, known, champion, model, anyway)
        if isinstance(decision, State):
            return decision
        if decision["promote"] or anyway:
            return make_champion(checkout, known, champion, model, {**decision, "by_hand": anyway})
    except UserError as error:
        if has_commit(checkout):
            return failed_state(str(error), by_user=True)
        return Completed(name=NOT_PROMOTED, message=str(error))
    return refuse(decision, champion)


def has_commit(checkout: Checkout) -> bool:
    """Return whether git has a commit here; without one a run still trains and scores the test images."""
    return bool(run_git(checkout.root, "rev-parse", "--verify", "--quiet", "HEAD", check=False))


def decide(
    checkout: Checkout, known: list[Version], champion: Version | None, model: Hashes, anyway: bool
) -> dict[str, Any] | State[Any]:
    """Decide about the model and write promotion.json.

    Returns
    -------
    The decision, or the state to end in: Cached if the same decision was taken before, or a failed comparison.
    """
    subject = {**asdict(model), "champion": champion.name if champion else None, "params": read_params_used(checkout)}
    decision: dict[str, Any] | State[Any] | None = decide_at_once(checkout, known, champion, model)
    if decision is None:
        decision = compare(checkout, subject, anyway)
    if isinstance(decision, State):
        return decision
    decision = {**decision, "of": subject}
    with atomic_file(checkout.files.promotion) as file:
        write_json(file, decision)
    return decision


def decide_at_once(
    checkout: Checkout, known: list[Version], champion: Version | None, model: Hashes
) -> dict[str, Any] | None:
    """Decide the cases that need no comparison; return None if the models must be compared."""
    if champion is None:
        return {"promote": True, "reasons": ["It is the first model."]}
    if champion.record["demo"] and not registry.is_demo(checkout):
        return {"promote": True, "reasons": ["The champion was made from the drawn demo, and this one is not."]}
    same = (version for version in known if version.record["model"] == model.model and version.served)
    if (earlier := next(same, None)) is not None:
        reason = f"It is {earlier.name}, which was the champion before and was rolled back."
        return {"promote": False, "reasons": [reason]}
    return None


def compare(checkout: Checkout, subject: dict[str, Any], anyway: bool) -> dict[str, Any] | State[Any]:
    """Run `facegender promotion` and read its decision; Cached if the same comparison was refused before."""
    before = read_decision(checkout)
    if before is not None and before.get("of") == subject and not before["promote"] and not anyway:
        reasons = " ".join(before["reasons"])
        return Completed(name=CACHED, message=f"Not promoted, as decided before: {reasons}")
    command = [sys.executable, "-m", "facegender", "promotion", "artifacts/champion"]
    ended = follow(command, "promotion", checkout)
    if not isinstance(ended, Ended):
        return ended
    if ended.returncode != 0:
        return explain_failure("facegender promotion", ended)
    return read_decision(checkout) or {}


def read_decision(checkout: Checkout) -> dict[str, Any] | None:
    """Read promotion.json; None if there is none."""
    path = checkout.files.promotion
    return read_json(path) if path.is_file() else None


def read_params_used(checkout: Checkout) -> dict[str, Any]:
    """Read the parameters of params.yaml that a decision depends on."""
    from facegender.params.reading import read_params

    values = read_params(checkout.root / "params.yaml")
    return {
        "margin": values.compare.margin,
        **values.promote.model_dump(),
        "bootstrap": values.evaluate.bootstrap,
        "min_slice": values.evaluate.min_slice,
    }


def make_champion(
    checkout: Checkout, known: list[Version], champion: Version | None, model: Hashes, decision: dict[str, Any]
) -> State[Any]:
    """Register the model, make it the champion, and publish that."""
    version = registry.register(checkout, known, model, decision)
    registry.serve(checkout, version)
    message = f"Promoted: model {version.name} is the champion" + (f", after {champion.name}." if champion else ".")
    publish(message, decision, version)
    before = champion.name if champion else None
    emit_model_event("promoted", version=version.name, before=before, by_hand=decision["by_hand"])
    return Completed(message=message)


def refuse(decision: dict[str, Any], champion: Version | None) -> State[Any]:
    """Publish why the model was not promoted. The state is of type Completed: the run has done its work."""
    name = champion.name if champion else "none"
    publish(f"Not promoted: the champion stays {name}.", decision, champion)
    emit_model_event("not-promoted", champion=name, reasons=decision["reasons"])
    reasons = " ".join(decision["reasons"])
    return Completed(name=NOT_PROMOTED, message=f"Not promoted: {reasons} The champion stays {name}.")


def emit_model_event(what: str, **payload: Any) -> None:
    """Emit an event for automations: facegender.model.promoted, .not-promoted or .rolled-back."""
    emit_event(event=f"facegender.model.{what}", resource=RESOURCE, payload=payload)


def publish(heading: str, decision: dict[str, Any], version: Version | None) -> None:
    """Create an artifact of the decision, with its reasons, its figures and the champion."""
    lines = [f"# {heading}", "", *(f"- {reason}" for reason in decision["reasons"]), "", PERCEIVED, ""]
    if "accuracy" in decision:
        lines += format_comparison(decision)
    if version is not None:
        record = version.record
        accuracy = format_estimate(record["accuracy"])
        lines += ["", f"Champion: {version.name}, {record['judged']} accuracy {accuracy}", ""]
        lines += ["| what made it | |", "|---|---|", f"| tag | `{registry.ARTIFACT}@{version.name}` |"]
        lines += [f"| {name} | `{record[name]}` |" for name in ("code", "data", "model")]
    create_markdown_artifact(markdown="\n".join(lines), key="promotion", description=heading)


def format_comparison(decision: dict[str, Any]) -> list[str]:
    """Format the comparison with the champion as the lines of a Markdown table."""
    rows = [("accuracy", decision["accuracy"])]
    if "by_earlier_labels" in decision:
        rows.append(("accuracy by the earlier labels", decision["by_earlier_labels"]))
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
