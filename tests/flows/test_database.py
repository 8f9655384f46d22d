"""A database that cannot be created ends in one clear message."""

import os
import subprocess
import sys

import pytest
from typer import Exit

from flows.database import refuse_database
from flows.server_address import find_free_port, get_home


def test_a_database_that_cannot_be_created_is_one_message(checkout, tmp_path):
    (tmp_path / "prefect.db").mkdir()  # no file can be opened there
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    answer = subprocess.run(
        [sys.executable, "-m", "flows.server", "run"],
        cwd=checkout,
        env={**bare, "PREFECT_HOME": str(tmp_path), "PREFECT_SERVER_API_PORT": str(find_free_port())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert f"Error: {tmp_path}: Prefect's database needs free space and write permission here." in answer.stderr
    assert "Received: unable to open database file." in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_home_that_cannot_be_created_or_written_is_one_message(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "file/prefect"))
    with pytest.raises(Exit) as caught:
        get_home()
    assert caught.value.exit_code == 2
    assert f"Error: {tmp_path}/file/prefect: Prefect's database needs free space" in (said := capsys.readouterr().err)
    assert "Received: Not a directory. Free some space or change the permissions" in said
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the tests may run as root, who may write anywhere
    with pytest.raises(Exit):
        get_home()
    assert "Received: no permission to write." in capsys.readouterr().err


def test_other_failures_print_the_whole_output(tmp_path, capsys):
    with pytest.raises(Exit) as caught:
        refuse_database(tmp_path, "Traceback: a bug")
    assert caught.value.exit_code == 1
    assert "Traceback: a bug" in capsys.readouterr().err
