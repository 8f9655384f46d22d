"""Finished runs are kept one by one, and only beside runs with the same identity."""

import json
import signal
import time
from pathlib import Path

import pytest

from benchmarks.child import median_of, run_child
from benchmarks.identity import hash_files, identify_runs
from benchmarks.parts import PARTS
from benchmarks.peers import Peer, choose_peers, run_in_turns
from benchmarks.results_file import ResultsFile
from benchmarks.setting import Setting

SAME = {"processor": "p", "code": "c1", "data": "d1"}
ASKED = {"a": 3, "b": 3}


def open_results(path: Path, identity: dict[str, str], log: list[str]) -> ResultsFile:
    return ResultsFile(path, identity, {"machine": {}, "tiny": False}, ASKED, log.append)


def test_peers_run_in_turn_and_a_failed_one_does_not_run_again(tmp_path: Path) -> None:
    order: list[str] = []

    def run(name: str) -> dict[str, object]:
        order.append(name)
        return {"failed": "no"} if name == "b" else {"seconds": float(len(order))}

    found = open_results(tmp_path / "part.json", SAME, [])
    run_in_turns({name: Peer(lambda name=name: run(name), 3) for name in "ab"}, found, lambda line: None)
    assert order == ["a", "b", "a", "a"]
    assert median_of(found.results["a"]) == 3.0  # of 1, 3, 4
    assert median_of(found.results["b"]) is None


def test_an_interrupted_command_resumes_with_the_missing_runs(tmp_path: Path) -> None:
    path, order, log = tmp_path / "part.json", list[str](), list[str]()

    def run(name: str) -> dict[str, object]:
        order.append(name)
        if len(order) == 4:
            raise KeyboardInterrupt
        return {"seconds": 1.0, "epochs": [{"val_accuracy": 0.5}, {"val_accuracy": 0.75}, {"val_accuracy": 0.625}]}

    peers = {name: Peer(lambda name=name: run(name), 3) for name in "ab"}
    with pytest.raises(KeyboardInterrupt):
        run_in_turns(peers, open_results(path, SAME, log), log.append)
    assert order == ["a", "b", "a", "b"]
    content = json.loads(path.read_text())
    assert {name: len(runs) for name, runs in content["results"].items()} == {"a": 2, "b": 1}
    assert content["asked"] == ASKED
    assert any("a, run 2 of 3: 1.0 s, best accuracy 0.750" in line for line in log)
    run_in_turns(peers, open_results(path, SAME, log), log.append)
    assert order[4:] == ["b", "a", "b"]
    assert "part.json: kept earlier runs (a 2, b 1)" in log
    run_of_a = json.loads(path.read_text())["results"]["a"][0]
    assert {"commit", "load", "date"} <= set(run_of_a)


def test_runs_of_other_data_or_code_are_discarded_with_a_message(tmp_path: Path) -> None:
    path, log = tmp_path / "part.json", list[str]()
    open_results(path, SAME, log).add("a", {"seconds": 1.0})
    other = open_results(path, SAME | {"data": "d2"}, log)
    assert other.results == {}
    assert log == ["part.json: discarded earlier runs (a 1), because data was d1 and is d2"]
    assert json.loads(path.read_text())["results"]["a"]  # until a new run replaces it
    path.write_text(json.dumps({"machine": {}, "tiny": False, "results": {"a": [{"seconds": 1.0}]}}))
    assert open_results(path, SAME, log).results == {}
    assert "code was not recorded and is c1" in log[-1]


def test_the_next_command_runs_failed_peers_again(tmp_path: Path) -> None:
    open_results(tmp_path / "part.json", SAME, []).add("a", {"failed": "no such peer"})
    assert open_results(tmp_path / "part.json", SAME, []).results == {}


def test_peers_are_chosen_by_name_or_by_its_start() -> None:
    names = ("ours", "ours, again", "keras tf.data", "keras ImageDataGenerator")
    parts = {"train": {name: Peer(dict, 1) for name in names}, "score": {"onnx": Peer(dict, 1)}}
    assert list(choose_peers(parts, ["ours", "keras"])["train"]) == [
        "ours",
        "keras tf.data",
        "keras ImageDataGenerator",
    ]
    assert choose_peers(parts, ["ours, again"]) == {
        "train": {"ours, again": parts["train"]["ours, again"]},
        "score": {},
    }
    assert choose_peers(parts, []) == parts
    with pytest.raises(SystemExit, match=r"no peer is named torch\. Choose from: ours; ours, again;"):
        choose_peers(parts, ["torch"])


def test_the_identity_follows_the_content_of_data_and_the_parameters(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images/1.jpg").write_bytes(b"one")

    def now(**changes: object) -> dict[str, object]:
        setting = Setting(tmp_path, tmp_path, "none", dict(changes), "python", 1, 1, 10, (1,), print)  # type: ignore[arg-type]
        return identify_runs(setting, {"processor": "p", "load": 0.5, "date": "today"}, PARTS["validate"].code, True)

    before = now(train={"epochs": 1})
    assert before == now(train={"epochs": 1})
    assert "load" not in before
    assert before != now(train={"epochs": 2})
    (tmp_path / "images/1.jpg").write_bytes(b"two")
    assert {key for key, value in now(train={"epochs": 1}).items() if value != before[key]} == {"data"}
    assert hash_files(tmp_path, []) != before["data"]


def test_the_files_that_a_part_depends_on_exist() -> None:
    root = Path(__file__).parents[2]
    for part in PARTS.values():
        for pattern in part.code:
            assert list(root.glob(pattern)), pattern


def test_a_run_that_is_interrupted_ends_with_its_children(tmp_path: Path) -> None:
    there = tmp_path / "there"
    script = f"sleep 3; touch {there}"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    with pytest.raises(KeyboardInterrupt):
        run_child(["bash", "-c", f"bash -c '{script}'; true"])
    signal.signal(signal.SIGALRM, before)
    time.sleep(3.5)
    assert not there.exists()


def test_progress_of_a_long_run_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.child.PROGRESS_S", 0.2)
    log: list[str] = []
    script = "import sys, time; print('epoch 1', file=sys.stderr, flush=True); time.sleep(1)"
    run_child(["python3", "-c", script], log=log.append)
    assert log[-1].endswith("s: epoch 1")
