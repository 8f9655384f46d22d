"""The cross-validation on a small drawn data set, run by its command, killed, and run again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from facegender.errors import UserError
from facegender.params.sections import CrossValidateParams
from flows.task_runners import make_runner

from .test_retrain import call, copy, environment  # noqa: F401

FOLDS = 3


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_a_task_runner_that_is_not_installed_names_its_package(name: str):
    with pytest.raises(UserError, match=f"Run `python -m pip install prefect-{name}`"):
        make_runner(CrossValidateParams(task_runner=name))


def test_threads_run_as_many_folds_at_a_time_as_params_say():
    assert make_runner(CrossValidateParams(processes=3))._max_workers == 3


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_killed_run_resumes_with_the_missing_folds(copy: Path):  # noqa: F811
    path = copy / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    params["cross_validate"]["folds"] = FOLDS
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    work = copy / "artifacts/.resume/cross_validate"
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cross_validate"],
        cwd=copy,
        env=environment(copy),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 600
    while not (first := list(work.glob("*/fold_0"))) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert first
    made = (first[0] / "weights.npz").stat().st_mtime_ns

    code, said = call(copy, "-m", "flows.cross_validate")
    assert code == 0, said
    assert f"fold 1 of {FOLDS}: already finished" in said
    assert f"fold {FOLDS} of {FOLDS}: already finished" not in said
    kept = copy / "artifacts/folds/fold_0/weights.npz"
    assert kept.stat().st_mtime_ns == made
    figures = json.loads((copy / "artifacts/cross_validation/evaluation/metrics.json").read_text())
    assert sorted(figures["folds"]) == ["0", "1", "2"]
    assert f"Out-of-fold accuracy {figures['accuracy']['value']:.3f}" in said

    code, said = call(copy, "-m", "dvc", "repro", "cross_validate/dvc.yaml")
    assert code == 0, said
    assert "Running stage" not in said
    code, said = call(copy, "-m", "facegender", "submit", "--model", "artifacts/cross_validation/model")
    assert code == 0, said
    assert (copy / "artifacts/cross_validation/submission.csv").is_file()
