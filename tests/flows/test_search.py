"""A search run by its command: its trials are DVC experiments, and applying one gives what it reports."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.small_checkout import call, make_checkout, set_params

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SPACE = {"train.learning_rate": {"low": 0.0003, "high": 0.003, "log": True}, "train.dropout": [0.25, 0.5]}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_checkout(tmp_path_factory.mktemp("copy"))
    set_params(root, {"search": {"space": SPACE, "startup": 1, "warmup": 1}, "train": {"epochs": 2}})
    return root


@pytest.fixture(scope="module")
def said(copy: Path) -> str:
    code, said = call(copy, "-m", "flows.search", "--trials", "2")
    assert code == 0, said
    return said


def experiments(root: Path) -> dict[str, dict[str, Any]]:
    """Read `dvc exp show`; return each experiment's data by its name."""
    code, shown = call(root, "-m", "dvc", "exp", "show", "--json")
    assert code == 0, shown
    listed = [one for baseline in json.loads(shown) for one in baseline.get("experiments") or []]
    return {one["name"]: one["revs"][0]["data"] for one in listed}


def test_trials_are_listed_with_their_own_parameters_and_metrics(copy, said):
    found = experiments(copy)
    assert {name.rpartition("-")[0] for name in found} <= {"search-trial-0", "search-trial-1"}
    assert "search-trial-0" in {name.rpartition("-")[0] for name in found}  # the first trial is never pruned
    today = yaml.safe_load((copy / "params.yaml").read_text(encoding="utf-8"))
    for name, data in found.items():
        train = data["params"]["params.yaml"]["data"]["train"]
        assert 0.0003 <= train["learning_rate"] <= 0.003
        assert train["epochs"] == 2
        metrics = data["metrics"]["artifacts/evaluation/metrics.json"]["data"]
        assert metrics["accuracy"]["n"] > 0
        assert name in said
        if name.startswith("search-trial-0"):
            assert train == today["train"]


def test_params_yaml_stays_and_the_best_trial_is_printed(copy, said):
    assert "search" in said
    assert "chosen among 2 trials on the rows" in " ".join(said.split())
    best = yaml.safe_load((copy / "artifacts/search.yaml").read_text(encoding="utf-8"))
    assert set(best["train"]) == {"learning_rate", "dropout"}
    assert "facegender preset artifacts/search.yaml" in said


def test_a_second_search_trains_only_missing_trials(copy, said):
    code, again = call(copy, "-m", "flows.search", "--trials", "2")
    assert code == 0, again
    assert "Running stage 'train'" not in again


def test_an_applied_trial_is_what_it_reports(copy, said):
    name = sorted(experiments(copy))[-1]
    expected = experiments(copy)[name]
    code, told = call(copy, "-m", "dvc", "exp", "apply", name)
    assert code == 0, told
    params = yaml.safe_load((copy / "params.yaml").read_text(encoding="utf-8"))
    assert params["train"] == expected["params"]["params.yaml"]["data"]["train"]
    provenance = json.loads((copy / "artifacts/model/provenance.json").read_text(encoding="utf-8"))
    assert provenance["params"]["train"]["learning_rate"] == params["train"]["learning_rate"]
    metrics = json.loads((copy / "artifacts/evaluation/metrics.json").read_text(encoding="utf-8"))
    assert metrics["accuracy"] == expected["metrics"]["artifacts/evaluation/metrics.json"]["data"]["accuracy"]
    code, status = call(copy, "-m", "dvc", "status", "--json")
    assert (code, json.loads(status)) == (0, {})
