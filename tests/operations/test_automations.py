"""A webhook, here a server on loopback, receives a message when something goes wrong."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.operations.production import PATIENCE_S, Production, until

pytestmark = pytest.mark.timeout(3 * PATIENCE_S)

SECRET = "token-7f3a"
EMIT = """
from prefect.events import emit_event
from prefect.events.worker import EventsWorker
import sys
emit_event(sys.argv[1], resource={"prefect.resource.id": "facegender.checkout"}, payload={"accuracy": 0.5})
EventsWorker.drain_all(timeout=60)
"""


class Listener:
    """Collects the messages that are posted to it."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/json"
                if self.path == f"/{SECRET}":
                    listener.received.append(json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/{SECRET}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def message(self, event: str) -> dict[str, Any]:
        """Wait for the first message of an event; return it."""
        found: dict[str, Any] = until(
            lambda: next((one for one in self.received if one["event"] == event), None), f"a message of {event}"
        )
        return found


@pytest.fixture(scope="module")
def listener(site: Production) -> Iterator[Listener]:
    listener = Listener()
    command = [sys.executable, "-m", "flows.automations", "--notify", listener.url]
    said = site.call(*command)
    assert said.count("Automation: ") == 5
    assert SECRET not in said
    assert site.call(*command) == said  # running it again changes nothing
    yield listener
    listener.server.shutdown()
    listener.server.server_close()


def test_the_automations_are_on_the_server(site, listener):
    names = [one["name"] for one in site.api("/automations/filter") if one["enabled"]]
    assert sorted(names) == [
        "facegender: drifted",
        "facegender: failed",
        "facegender: late",
        "facegender: not promoted",
        "facegender: set silent runs to Crashed",
    ]


def test_a_failed_run_sends_its_reason(site, listener):
    run = site.begin(set={"train.nonsense": 'a "quoted" value'})
    name = site.ended(run)["name"]
    message = listener.message("prefect.flow-run.Failed")
    assert message["text"].startswith(f"{name}: Failed. changed parameters, train.nonsense: no such parameter.")
    assert run in message["page"]


@pytest.mark.parametrize("event", ["facegender.score.drifted", "facegender.model.not-promoted"])
def test_events_of_flows_send_a_message(site, listener, event):
    command = [sys.executable, "-m", "tasks", sys.executable, "-c", EMIT, event]
    subprocess.run(command, cwd=site.root, env=site.variables, check=True)
    assert "0.5" in listener.message(event)["text"]


def test_a_late_run_sends_a_message(site, listener):
    prefect = [sys.executable, "-m", "tasks", "prefect", "--no-prompt"]
    site.call(*prefect, "work-pool", "create", "--type", "process", "nobody-serves-this")
    site.call(*prefect, "deploy", "flows/retrain.py:retrain", "--name", "late", "--pool", "nobody-serves-this")
    run = site.begin("retrain/late")
    assert site.run(run)["name"] in listener.message("prefect.flow-run.Late")["text"]
    site.api(f"/deployments/{site.deployment('retrain/late')}", method="DELETE")


def test_the_address_of_the_webhook_is_shown_nowhere(site, listener):
    blocks = site.api("/block_documents/filter")
    assert [block["name"] for block in blocks] == ["facegender-notifications"]
    assert SECRET not in json.dumps(blocks)
    logs = [site.root / ".prefect/server.log", site.root / ".dvc/tmp/worker.log"]
    assert not [log for log in logs if SECRET in log.read_text(encoding="utf-8")]
    assert SECRET.encode() not in (site.root / ".prefect/prefect.db").read_bytes()
