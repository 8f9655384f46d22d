"""A flow as a command: what it prints where, and its exit code."""

import pytest
import typer
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.command import get_exit_code, print_outcome, run_command, show_message
from flows.options import Options
from tasks.states import failed_state


@flow
def nothing(options: Options) -> State:
    raise AssertionError(options)


@pytest.mark.parametrize(
    ("state", "refused", "code"),
    [
        (Completed(), None, 0),
        (Completed(name="NotPromoted"), None, 0),
        (Completed(name="NotPromoted"), "NotPromoted", 1),
        (failed_state("train.csv: no such file", by_user=True), None, 2),
        (failed_state("Traceback", by_user=False), None, 1),
    ],
)
def test_the_exit_code_tells_success_mistakes_and_bugs_apart(state, refused, code):
    assert get_exit_code(state, refused) == code


def test_a_result_goes_to_stdout_and_an_error_to_stderr(capsys, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://server:4200/api")
    print_outcome(Completed(message="Best of 5 trials [0.9]"), show_message)
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.splitlines() == [
        "",
        "Best of 5 trials [0.9]",
        "",
        "Labels are gender as perceived by annotators. No telemetry was sent.",
        "This run: http://server:4200/runs/flow-run/None",
    ]
    print_outcome(failed_state("train.csv: no such file", by_user=True), show_message)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Error: train.csv: no such file" in printed.err


def test_a_folder_without_a_pipeline_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(typer.BadParameter, match=r"There is no dvc\.yaml in this folder"):
        run_command(nothing, Options())
