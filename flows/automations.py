"""Automations of the Prefect server: it sets silent runs to Crashed and sends messages to a webhook.

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

from flows.server_address import find_api_url, require_answer

BLOCK = "facegender-notifications"
FLOWS = ["retrain", "score", "cross_validate", "promote", "rollback"]
SILENT_S = 300  # ten heartbeats; after three, runs that a busy machine had kept waiting were set to Crashed
HEARTBEAT = "prefect.flow-run.heartbeat"
ENDS = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Crashed", "Cancelled", "TimedOut", "Skipped")}
OF_RUNS = "{{ flow_run.name }}: {{ flow_run.state.name }}. {{ flow_run.state.message or '' }}"
# an automation's name: its events, and its message as a template of Prefect's
MESSAGES: dict[str, tuple[set[str], str]] = {
    "failed": ({f"prefect.flow-run.{state}" for state in ("Failed", "Crashed", "TimedOut")}, OF_RUNS),
    "late": ({"prefect.flow-run.Late"}, "{{ flow_run.name }} is late: is a worker running?"),
    "drifted": ({"facegender.score.drifted"}, "The new pictures have drifted: {{ event.payload }}"),
    "not promoted": ({"facegender.model.not-promoted"}, "The new model was not promoted: {{ event.payload }}"),
}


def main(
    notify: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="FACEGENDER_WEBHOOK",
            help="Webhook that receives a JSON object with `text` when a run has failed or is late, when new pictures "
            "have drifted, or when a model was not promoted. Prefect stores the address encrypted.",
        ),
    ] = None,
) -> None:
    """Create or update the automations on this checkout's server."""
    url = find_api_url()
    if url is None:
        raise typer.BadParameter("No server is running: start one with `make deploy`.")
    require_answer(url)
    automations = [make_crash_automation()]
    if notify:  # compose.yaml passes an empty one if none is set
        block = save_webhook(notify)
        automations += [make_message_automation(name, block) for name in MESSAGES]
    for automation in automations:
        create_or_update(automation)
        typer.echo(f"Automation: {automation.name}")


def make_crash_automation() -> Automation:
    """Make the automation that sets a run to Crashed if it has sent no heartbeat for SILENT_S."""
    return Automation(
        name="facegender: set silent runs to Crashed",
        description=f"No heartbeat for {SILENT_S} s. The next run in the same checkout would find out too.",
        trigger=EventTrigger(
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=match_our_flows(),
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
                message=f"Its process sent no heartbeat for {SILENT_S} s: it was killed, or the machine went down.",
            )
        ],
    )


def make_message_automation(name: str, block: UUID) -> Automation:
    """Make an automation of MESSAGES, which calls the webhook for each of its events."""
    events, text = MESSAGES[name]
    of_runs = all(event.startswith("prefect.") for event in events)
    fields = {"text": text, "event": "{{ event.event }}"}
    if of_runs:
        fields["page"] = "{{ flow_run|ui_url }}"
    return Automation(
        name=f"facegender: {name}",
        trigger=EventTrigger(
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"} if of_runs else {}),
            match_related=match_our_flows() if of_runs else ResourceSpecification({}),
            expect=events,
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[CallWebhook(block_document_id=block, payload=format_json_template(fields))],
    )


def match_our_flows() -> ResourceSpecification:
    """Match the flows of this project: a server may run other people's too."""
    return ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": FLOWS})


def format_json_template(fields: dict[str, str]) -> str:
    """Format a template that gives valid JSON whatever its values contain."""
    pairs = ", ".join(
        f"{json.dumps(name)}: {{% filter tojson %}}{text}{{% endfilter %}}" for name, text in fields.items()
    )
    return f"{{{pairs}}}"


def save_webhook(url: str) -> UUID:
    """Save the webhook as a block of Prefect's; return its id."""
    headers: Any = {"Content-Type": "application/json"}
    saved = Webhook(url=SecretStr(url), headers=headers).save(BLOCK, overwrite=True)
    assert isinstance(saved, UUID)
    return saved


def create_or_update(automation: Automation) -> None:
    """Create the automation, or update the one of the same name."""
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
