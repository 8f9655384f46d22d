"""The whole pipeline on a small drawn data set, in its own checkout, run by its command."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.small_checkout import call, environment, make_checkout, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

STEPS = ["record_data", "validate", "split", "features", "train", "evaluate", "submit"]


def states(said: str) -> dict[str, str]:
    """Find in the log the state that each task ended in."""
    found = {}
    for line in said.splitlines():
        for step in STEPS:
            if f"Task run '{step}' - Finished in state " in line:
                found[step] = line.split("Finished in state ")[1].partition("(")[0]
    return found


def dvc_status(root: Path) -> object:
    code, said = call(root, "-m", "dvc", "status", "--json")
    assert code == 0, said
    return json.loads(said)


def metrics(root: Path) -> bytes:
    return (root / "artifacts/evaluation/metrics.json").read_bytes()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkout(tmp_path_factory.mktemp("copy"))


@pytest.fixture(scope="module")
def first_runs(copy: Path) -> list[tuple[int, str]]:
    """Start two runs at once in the fresh checkout; return exit status and log of each."""
    processes = [start(copy, "-m", "flows.retrain") for _ in range(2)]
    said = [process.communicate()[0] for process in processes]
    return [(process.returncode, text) for process, text in zip(processes, said, strict=True)]


def test_of_two_runs_at_once_one_waits_and_both_complete(copy, first_runs):
    assert [code for code, _ in first_runs] == [0, 0], first_runs
    waited = [said for _, said in first_runs if "Waiting: " in said]
    worked = [said for _, said in first_runs if "Waiting: " not in said]
    assert (len(waited), len(worked)) == (1, 1)
    assert states(worked[0])["train"] == "Completed"
    assert states(waited[0]) == dict.fromkeys(STEPS, "Cached")
    assert dvc_status(copy) == {}


def test_a_run_prints_its_result(copy, first_runs):
    said = first_runs[0][1]
    figure = json.loads(metrics(copy))["accuracy"]
    assert (
        f"validation accuracy  {figure['value']:.3f} (95% interval {figure['low']:.3f} to {figure['high']:.3f}" in said
    )
    for line in ("artifacts/evaluation/report.html", "artifacts/model", "artifacts/submission.csv", "make ui"):
        assert line in said
    assert "weights              none: random at the start" in said


def test_dvc_repro_after_the_flow_has_nothing_to_do(copy, first_runs):
    code, said = call(copy, "-m", "dvc", "repro")
    assert code == 0
    assert "Running stage" not in said


def test_a_users_mistake_is_one_message_and_exit_code_2(copy, first_runs):
    before = {path: path.read_bytes() for path in (copy / "artifacts").rglob("*") if path.is_file()}
    table = copy / "data/train.csv"
    good = table.read_text(encoding="utf-8")
    with table.open(newline="", encoding="utf-8") as file:
        first_row = next(csv.DictReader(file))
    table.write_text(good.replace(",".join(first_row.values()), f"{next(iter(first_row.values()))},mle", 1))
    try:
        code, said = call(copy, "-m", "flows.retrain")
        by_dvc_code, by_dvc = call(copy, "-m", "dvc", "repro")
    finally:
        table.write_text(good, encoding="utf-8")
    message = said[said.rindex("Error: ") :].splitlines()[0]
    assert code == 2
    assert "train.csv" in message
    assert "mle" in message
    assert "Traceback" not in said
    assert states(said)["validate"] == "Failed"
    assert by_dvc_code != 0
    assert message in by_dvc
    assert "Traceback" not in by_dvc
    assert {path: path.read_bytes() for path in before} == before
    assert call(copy, "-m", "flows.retrain")[0] == 0
    assert dvc_status(copy) == {}


def test_the_learning_rate_reruns_train_and_what_follows(copy, first_runs):
    path = copy / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    params["train"]["learning_rate"] *= 0.5
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    code, said = call(copy, "-m", "flows.retrain")
    assert code == 0, said
    ended = states(said)
    assert {name for name, state in ended.items() if state == "Cached"} == {
        "record_data",
        "validate",
        "split",
        "features",
    }
    assert {name for name, state in ended.items() if state == "Completed"} == {"train", "evaluate", "submit"}


def test_help_explains_the_exit_codes(checkout):
    code, said = call(checkout, "-m", "flows.retrain", "--help")
    assert code == 0
    assert "Exit codes: 0; 2" in said


def test_a_folder_without_a_pipeline_is_refused(checkout, tmp_path):
    process = subprocess.run(
        [sys.executable, "-m", "flows.retrain"],
        cwd=tmp_path,
        env=environment(checkout),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert "There is no dvc.yaml" in process.stderr
