"""Runs of a deployment as the UI shows them: scheduled, cancelled, resumed, queued, and as experiments."""

import json
import os
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError

import psutil
import pytest

from tests.operations.production import (
    FINAL,
    PATIENCE_S,
    Production,
    dvc_status,
    living,
    moment,
    stage_process,
    until,
)
from tests.small_checkout import set_params

pytestmark = pytest.mark.timeout(3 * PATIENCE_S)

STEPS = ["record_data", "validate", "split", "features", "train", "evaluate", "submit"]
STOPPED_WITHIN_S = 10.0  # from the click on Cancel to the end of the training's last process, on an idle machine
EPOCHS = 100  # more than can pass before the cancel


def scheduled(site: Production) -> list[dict[str, object]]:
    """Return ended runs of the schedule, the earliest first, without skipped ones."""
    runs = [run for run in site.runs() if run["auto_scheduled"] and run["state_type"] in FINAL]
    return [run for run in runs if run["state_name"] != "Skipped"]


def steps(site: Production, run: str) -> dict[str, str]:
    """Return the state of each of the seven steps."""
    return {name: state for name, state in site.tasks(run).items() if name in STEPS}


def test_two_scheduled_runs_complete_and_the_second_finds_everything_cached(site):
    every_minute = [sys.executable, "-m", "tasks", "prefect", "deployment", "schedule"]
    site.call(*every_minute, "create", "retrain/weekly", "--interval", "60", "--timezone", "UTC")
    try:
        first, second = until(lambda: runs[:2] if len(runs := scheduled(site)) >= 2 else None, "two scheduled runs")
    finally:
        site.call(*every_minute, "clear", "retrain/weekly", "--accept-yes")
    assert [run["state_type"] for run in (first, second)] == ["COMPLETED"] * 2, site.log(first["id"])
    assert steps(site, first["id"])["train"] == "Completed"
    summary, progress = (site.artifact(first["id"], key) for key in ("summary", "progress-features"))
    assert summary["data"].startswith("# Validation accuracy 0.")
    assert "- **champion**: v1.0.0, this model" in summary["data"]
    assert re.fullmatch(r"features: ([\d,]+) of \1 \w+ · [\d,]+ \w+/s", progress["description"])
    assert progress["data"] == 100
    aside = json.loads(site.artifact(first["id"], "quarantine")["data"])
    assert aside
    assert all(row["image"] and row["reason"] for row in aside)
    assert site.artifact(first["id"], "plots")["data"].count("](data:image/svg+xml;base64,") >= 6
    assert {"auto-scheduled", "retrain"} <= set(first["tags"])
    assert steps(site, second["id"]) == dict.fromkeys(STEPS, "Cached")
    assert "Nothing has changed" in second["state"]["message"]
    assert re.fullmatch(r"retrain \d{4}-\d\d-\d\d · \d+ faces · [0-9a-f]{7,}.*", second["name"])
    assert dvc_status(site.root) == {}


def test_a_cancel_stops_training_at_once_and_the_next_run_resumes_while_another_waits(trained, record_property):
    site = trained
    for run in site.runs():  # scheduled runs, for which the runs below would wait
        if run["state_type"] not in FINAL:
            site.api(f"/flow_runs/{run['id']}", method="DELETE")
    before = {path: path.read_bytes() for path in (site.root / "artifacts/model").iterdir()}
    set_params(site.root, {"train": {"epochs": EPOCHS, "patience": EPOCHS}})
    run = site.begin()
    assert site.worker is not None
    saved: set[float] = set()
    until(lambda: three_epochs(site, run, saved), "the head's epoch and two more", every=0.05)
    training = stage_process(site.root, "train")
    assert training is not None
    processes = [training, *training.parents()[: training.parents().index(psutil.Process(site.worker.pid))]]
    assert living([training])
    clicked = time.monotonic()
    site.cancel(run)
    until(lambda: not living([training]), "the training to stop", every=0.02)
    stopped = time.monotonic() - clicked
    record_property("seconds from cancel to the end of training", round(stopped, 2))
    print(f"\ncancel to the end of training: {stopped:.2f} s")  # noqa: T201
    assert stopped < STOPPED_WITHIN_S * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert site.ended(run)["state_name"] == "Cancelled"
    until(lambda: not living(processes), "the run's processes to end")
    assert {path: path.read_bytes() for path in (site.root / "artifacts/model").iterdir()} == before
    assert list((site.root / "artifacts/.resume/train").iterdir())

    # two at once: the first resumes the cancelled training, the second waits and finds everything cached
    earlier = epochs_done(site.log(run))
    runs = [site.begin() for _ in range(2)]
    until(lambda: any("fine_tune epoch" in site.log(one) for one in runs), "an epoch of the next run")
    at_first, waiting = sorted(runs, key=lambda one: "fine_tune epoch" not in site.log(one))
    assert min(epochs_done(site.log(at_first))) > max([2, *earlier])
    assert steps(site, waiting) == {}
    one, other = (site.ended(each) for each in (at_first, waiting))
    assert [run["state_type"] for run in (one, other)] == ["COMPLETED"] * 2, site.log(at_first)
    assert moment(other["start_time"]) >= moment(one["end_time"])
    assert steps(site, waiting) == dict.fromkeys(STEPS, "Cached")
    # nothing is left running, except what a schedule has planned
    assert {run["state_type"] for run in site.runs() if not run["auto_scheduled"]} <= FINAL


def three_epochs(site: Production, run: str, saved: set[float]) -> bool:
    """Return whether three checkpoints of the training have been seen; each replaces the one before."""
    saved |= {file.stat().st_mtime for file in (site.root / "artifacts/.resume/train").glob("*/last.npz")}
    assert site.run(run)["state_type"] not in FINAL, "it has ended before three checkpoints were seen"
    return len(saved) >= 3


def epochs_done(log: str) -> list[int]:
    """Return the tuned part's epochs that a log mentions."""
    return [int(number) for number in re.findall(r"fine_tune epoch (\d+)/", log)]


def test_runs_that_are_late_do_not_pile_up(trained):
    site = trained
    deployment, now = f"/deployments/{site.deployment('retrain/weekly')}", datetime.now(UTC)
    schedules = [sys.executable, "-m", "tasks", "prefect", "deployment", "schedule"]
    site.call(*schedules, "clear", "retrain/weekly", "--accept-yes")
    weekly = {"interval": timedelta(weeks=1).total_seconds(), "anchor_date": (now - timedelta(days=26)).isoformat()}
    # its own parameters: otherwise a run of another schedule could do the work of all four
    other = {"options": {"hours_per_stage": 23.0}}
    site.api(f"{deployment}/schedules", [{"schedule": weekly, "active": True, "parameters": other}])
    # as if no worker had run for four weeks
    month = {"start_time": (now - timedelta(weeks=4)).isoformat(), "end_time": now.isoformat(), "min_runs": 4}
    site.api(f"{deployment}/schedule", month)
    late = [run["id"] for run in site.runs() if run["auto_scheduled"] and is_weekly(run, now)]
    assert len(late) == 4
    ended = sorted((site.ended(run) for run in late), key=lambda run: moment(run["expected_start_time"]))
    site.call(*schedules, "clear", "retrain/weekly", "--accept-yes")
    assert [run["state_name"] for run in ended] == ["Skipped"] * 3 + ["Completed"]
    assert steps(site, ended[-1]["id"]) == dict.fromkeys(STEPS, "Cached")
    print(f"\nnothing has changed: a run of {ended[-1]['total_run_time']:.1f} s")  # noqa: T201


def is_weekly(run: dict[str, object], now: datetime) -> bool:
    """Return whether the run was due 26, 19, 12 or 5 days ago."""
    days = (now - moment(str(run["expected_start_time"]))).total_seconds() / 86_400
    return round(days, 3) in (26, 19, 12, 5)


def test_parameters_from_the_form_run_as_an_experiment(trained):
    site = trained
    files = {name: (site.root / name).read_bytes() for name in ("params.yaml", "dvc.lock", "data.dvc")}
    model = (site.root / "artifacts/model/model.keras").read_bytes()
    run = site.begin(set={"train.epochs": 2})
    ended = site.ended(run)
    assert ended["state_name"] == "Completed", site.log(run)
    name = f"train-epochs-2-{run[:8]}"
    assert f"Experiment {name}: " in ended["state"]["message"]
    assert name in site.artifact(run, "experiment")["data"]
    assert steps(site, run)["features"] == "Cached"
    assert steps(site, run)["train"] == "Completed"
    assert {name: (site.root / name).read_bytes() for name in files} == files
    assert (site.root / "artifacts/model/model.keras").read_bytes() == model
    assert dvc_status(site.root) == {}
    shown = json.loads(site.call(sys.executable, "-m", "dvc", "exp", "show", "--json"))
    listed = [one["revs"][0] for baseline in shown for one in baseline.get("experiments") or []]
    (found,) = [one for one in listed if one["name"] == name]
    assert found["data"]["params"]["params.yaml"]["data"]["train"]["epochs"] == 2
    assert found["data"]["metrics"]["artifacts/evaluation/metrics.json"]["data"]["accuracy"]["n"] > 0
    message = site.call("git", "log", "-1", "--format=%B", found["rev"])
    assert ended["name"] in message
    assert run in message


def test_an_unknown_parameter_is_refused_before_anything_runs(trained):
    run = trained.begin(set={"train.epohcs": 5})
    ended = trained.ended(run)
    assert ended["state_name"] == "Failed"
    assert ended["state"]["message"] == ("changed parameters, train.epohcs: no such parameter. Check its spelling.")
    assert steps(trained, run) == {}
    assert "Traceback" not in trained.log(run)


def test_values_from_the_form_reach_no_shell(trained, tmp_path):
    proof = tmp_path / "proof"
    run = trained.begin(set={"data.image_column": f"$(touch {proof}); touch {proof} | `touch {proof}`"})
    ended = trained.ended(run)
    assert ended["state_name"] == "Failed"
    assert f"`touch {proof}`" in ended["state"]["message"]  # validate received it unchanged and found no such column
    # the form refuses a name of another pattern and an unknown option; no run is created
    for options in ({"set": {f"$(touch {proof})": 1}}, {"command": f"touch {proof}"}):
        with pytest.raises(HTTPError) as refused:
            trained.begin(**options)
        assert refused.value.code == 409
    assert not Path(proof).exists()
