"""prefect.yaml: the deployments, how their runs queue, and the form that the UI makes of their parameters."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint

SCHEDULES = {
    "retrain/weekly": "0 3 * * 1",
    "score/nightly": "0 1 * * *",
    "cross_validate/by-hand": None,
    "search/by-hand": None,
    "rollback/by-hand": None,
    "promote/by-hand": None,
}


def deployments() -> dict[str, dict[str, Any]]:
    """Load the deployments by flow/name, each with its flow under "flow"."""
    text = (Path(__file__).resolve().parents[2] / "prefect.yaml").read_text(encoding="utf-8")
    found = {}
    for row in yaml.safe_load(text)["deployments"]:
        flow = load_flow_from_entrypoint(row["entrypoint"])
        found[f"{flow.name}/{row['name']}"] = {**row, "flow": flow}
    return found


@pytest.fixture(scope="module")
def deployed(monkeypatch_module: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    monkeypatch_module.chdir(Path(__file__).resolve().parents[2])
    return deployments()


@pytest.fixture(scope="module")
def monkeypatch_module() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_each_deployment_has_its_schedule(deployed):
    found = {name: [each["cron"] for each in row.get("schedules", [])] for name, row in deployed.items()}
    assert found == {name: [cron] if cron else [] for name, cron in SCHEDULES.items()}


@pytest.mark.parametrize("name", SCHEDULES)
def test_one_run_at_a_time_and_the_others_wait(deployed, name):
    assert deployed[name]["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_form_describes_every_field_and_refuses_unknown_ones(deployed, name):
    flow = deployed[name]["flow"]
    (options,) = [each for each in flow.parameters.definitions.values() if "properties" in each]
    assert options["additionalProperties"] is False
    for field in options["properties"].values():
        assert field["title"]
        assert field["description"]
        assert "default" in field or "examples" in field
    flow.validate_parameters(deployed[name].get("parameters", {}))
