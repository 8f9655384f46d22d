"""A database that cannot be made is told."""

import os
import subprocess
import sys

import pytest
from typer import Exit

from flows.database import refuse_database
from flows.server import free_port, home_folder


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


def test_a_home_that_cannot_be_made_or_written_is_told(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "file/prefect"))
    with pytest.raises(Exit) as caught:
        home_folder()
    assert caught.value.exit_code == 2
    assert f"Error: {tmp_path}/file/prefect: there must be room" in (said := capsys.readouterr().err)
    assert "Received: Not a directory. Make room, or change the permissions" in said
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root, who runs many tests, may write anywhere
    with pytest.raises(Exit):
        home_folder()
    assert "Received: no permission to write." in capsys.readouterr().err


def test_a_database_that_fails_otherwise_keeps_what_was_said(tmp_path, capsys):
    with pytest.raises(Exit) as caught:
        refuse_database(tmp_path, "Traceback: a bug")
    assert caught.value.exit_code == 1
    assert "Traceback: a bug" in capsys.readouterr().err
