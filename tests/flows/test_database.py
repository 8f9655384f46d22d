"""A database that cannot be made is told."""

import os
import subprocess
import sys

import pytest
from typer import Exit

from flows.database import refuse_database
from flows.server import free_port


def test_a_database_that_cannot_be_made_is_told(checkout, tmp_path):
    (tmp_path / "prefect.db").mkdir()  # no file can be opened there
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    answer = subprocess.run(
        [sys.executable, "-m", "flows.server", "run"],
        cwd=checkout,
        env={**bare, "PREFECT_HOME": str(tmp_path), "PREFECT_SERVER_API_PORT": str(free_port())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert f"Error: {tmp_path}: there must be room for Prefect's database" in answer.stderr
    assert "Received: unable to open database file." in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_database_that_fails_otherwise_keeps_what_was_said(tmp_path, capsys):
    with pytest.raises(Exit) as caught:
        refuse_database(tmp_path, "Traceback: a bug")
    assert caught.value.exit_code == 1
    assert "Traceback: a bug" in capsys.readouterr().err
