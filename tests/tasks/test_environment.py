"""Prefect's settings for this checkout."""

import subprocess
import sys

import pytest

from tasks import environment


def test_the_users_variables_stay(monkeypatch):
    monkeypatch.setenv("PREFECT_HOME", "/somewhere")
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    environment.prepare()
    assert environment.os.environ["PREFECT_HOME"] == "/somewhere"
    assert environment.os.environ["DO_NOT_TRACK"] == "1"


def test_a_server_that_the_user_names_keeps_the_users_home(monkeypatch):
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    environment.prepare()
    assert "PREFECT_HOME" not in environment.os.environ


@pytest.mark.parametrize("package", ["flows.retrain", "tasks.validate"])
def test_prefect_has_the_settings_when_it_is_imported(checkout, package):
    code = (
        f"import {package}; from prefect.settings import get_current_settings as s; "
        "print(s().home, s().server.analytics_enabled, s().flows.heartbeat_frequency)"
    )
    bare = {name: value for name, value in environment.os.environ.items() if not name.startswith("PREFECT_")}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, env=bare, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == [str(checkout / ".prefect"), "False", "30"]


def test_a_command_runs_with_the_settings(checkout):
    command = [
        sys.executable,
        "-m",
        "tasks",
        "python",
        "-c",
        "import os; print(os.environ['DO_NOT_TRACK'])",
    ]
    answer = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    assert (answer.stdout, answer.stderr) == ("1\n", "")
