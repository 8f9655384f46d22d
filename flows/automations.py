"""What the Prefect server does by itself, as code: it tells of what went wrong, and ends runs that have died.

python -m flows.automations --help
"""

import json
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from prefect.automations import Automation
from prefect.blocks.webhook import Webhook
from prefect.client.schemas.objects import StateType
from prefect.events.actions import CallWebhook, ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from pydantic import SecretStr

from flows.server import await_answer, named_or_running

BLOCK = "facegender-notifications"
FLOWS = ["retrain", "score", "cross_validate", "promote", "rollback"]
SILENT_S = 300  # ten heartbeats; a window of three has called a run dead that a busy machine had kept waiting
HEARTBEAT = "prefect.flow-run.heartbeat"
ENDS = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Crashed", "Cancelled", "TimedOut", "Skipped")}
# what is told: the automation's name, the events, and the message as a template of Prefect's
OF_RUNS = "{{ flow_run.name }}: {{ flow_run.state.name }}. {{ flow_run.state.message or '' }}"
TOLD: dict[str, tuple[set[str], str]] = {
    "failed": ({f"prefect.flow-run.{state}" for state in ("Failed", "Crashed", "TimedOut")}, OF_RUNS),
    "late": ({"prefect.flow-run.Late"}, "{{ flow_run.name }} should have begun: is a worker running?"),
    "drifted": ({"facegender.score.drifted"}, "What is scored differs from the training set: {{ event.payload }}"),
    "not promoted": ({"facegender.model.not-promoted"}, "The new model was not promoted: {{ event.payload }}"),
}


def main(
    notify: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="FACEGENDER_WEBHOOK",
            help="Where to POST a JSON object with `text` when a run has failed or is late, when scores have drifted, "
            "or when a model was not promoted. Prefect keeps the address encrypted.",
        ),
    ] = None,
) -> None:
    """Create the automations on the server of this checkout, or bring them up to date."""
    url = named_or_running()
    if url is None:
        raise typer.BadParameter("No server is running: start one with `make deploy`.")
    await_answer(url)
    automations = [crashed()]
    if notify:  # compose.yaml hands an empty one on where none is set
        block = save_block(notify)
        automations += [told(name, block) for name in TOLD]
    for automation in automations:
        bring_up_to_date(automation)
        typer.echo(f"Automation: {automation.name}")


def crashed() -> Automation:
    """A run of which nothing has been heard for long is set to Crashed: nobody else is left to say so."""
    return Automation(
        name="facegender: a run that has died is crashed",
        description=f"No heartbeat for {SILENT_S} s. The next run in its checkout would find out too.",
        trigger=EventTrigger(
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=of_our_flows(),
            after={HEARTBEAT},
            expect={HEARTBEAT, *ENDS},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=SILENT_S),
        ),
        actions=[
            ChangeFlowRunState(
                name="Crashed",
                state=StateType.CRASHED,
                force=False,
                message=f"Nothing was heard of its process for {SILENT_S} s: it was killed, or the machine went down.",
            )
        ],
    )


def told(name: str, block: UUID) -> Automation:
    """A message to the webhook for each of the named events."""
    events, text = TOLD[name]
    of_runs = all(event.startswith("prefect.") for event in events)
    fields = {"text": text, "event": "{{ event.event }}"}
    if of_runs:
        fields["page"] = "{{ flow_run|ui_url }}"
    return Automation(
        name=f"facegender: {name}",
        trigger=EventTrigger(
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"} if of_runs else {}),
            match_related=of_our_flows() if of_runs else ResourceSpecification({}),
            expect=events,
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[CallWebhook(block_document_id=block, payload=as_json(fields))],
    )


def of_our_flows() -> ResourceSpecification:
    """A server may run other people's flows too."""
    return ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": FLOWS})


def as_json(fields: dict[str, str]) -> str:
    """A template whose result is JSON whatever the values hold."""
    pairs = ", ".join(
        f"{json.dumps(name)}: {{% filter tojson %}}{text}{{% endfilter %}}" for name, text in fields.items()
    )
    return f"{{{pairs}}}"


def save_block(url: str) -> UUID:
    """The webhook, under a name of ours; its id."""
    headers: Any = {"Content-Type": "application/json"}
    saved = Webhook(url=SecretStr(url), headers=headers).save(BLOCK, overwrite=True)
    assert isinstance(saved, UUID)
    return saved


def bring_up_to_date(automation: Automation) -> None:
    """Create it, or change the one of its name."""
    try:
        known = Automation.read(name=automation.name)
    except ValueError:
        automation.create()
        return
    assert isinstance(known, Automation)
    automation.id = known.id
    automation.update()


if __name__ == "__main__":
    typer.run(main)
