"""Finished runs of a benchmark are kept one by one, and only beside runs that they can be compared with."""

import json
import signal
import time
from pathlib import Path

import pytest

from benchmarks.child import median_of, run
from benchmarks.identity import fingerprint, identity
from benchmarks.kept import Kept
from benchmarks.parts import PARTS
from benchmarks.peers import Peer, choose, interleaved
from benchmarks.setting import Setting

SAME = {"processor": "p", "code": "c1", "data": "d1"}
ASKED = {"a": 3, "b": 3}


def kept(path: Path, same: dict[str, str], told: list[str]) -> Kept:
    return Kept(path, same, {"machine": {}, "tiny": False}, ASKED, told.append)


def test_runs_are_interleaved_and_the_failed_are_not_tried_again(tmp_path: Path) -> None:
    order: list[str] = []

    def go(name: str) -> dict[str, object]:
        order.append(name)
        return {"failed": "no"} if name == "b" else {"seconds": float(len(order))}

    found = kept(tmp_path / "part.json", SAME, [])
    interleaved({name: Peer(lambda name=name: go(name), 3) for name in "ab"}, found, lambda line: None)
    assert order == ["a", "b", "a", "a"]
    assert median_of(found.results["a"]) == 3.0  # of 1, 3, 4
    assert median_of(found.results["b"]) is None


def test_a_command_that_was_cut_off_goes_on_with_the_missing_runs(tmp_path: Path) -> None:
    path, order, told = tmp_path / "part.json", list[str](), list[str]()

    def go(name: str) -> dict[str, object]:
        order.append(name)
        if len(order) == 4:
            raise KeyboardInterrupt
        return {"seconds": 1.0, "epochs": [{"val_accuracy": 0.5}, {"val_accuracy": 0.75}, {"val_accuracy": 0.625}]}

    peers = {name: Peer(lambda name=name: go(name), 3) for name in "ab"}
    with pytest.raises(KeyboardInterrupt):
        interleaved(peers, kept(path, SAME, told), told.append)
    assert order == ["a", "b", "a", "b"]
    content = json.loads(path.read_text())
    assert {name: len(runs) for name, runs in content["results"].items()} == {"a": 2, "b": 1}
    assert content["asked"] == ASKED
    assert any("a, 2 of 3: 1.0 s, best accuracy 0.750" in line for line in told)
    interleaved(peers, kept(path, SAME, told), told.append)
    assert order[4:] == ["b", "a", "b"]
    assert "part.json: earlier runs kept (a 2, b 1)" in told
    run_of_a = json.loads(path.read_text())["results"]["a"][0]
    assert {"commit", "load", "date"} <= set(run_of_a)


def test_runs_of_other_data_or_code_are_thrown_away_and_it_is_told(tmp_path: Path) -> None:
    path, told = tmp_path / "part.json", list[str]()
    kept(path, SAME, told).add("a", {"seconds": 1.0})
    other = kept(path, SAME | {"data": "d2"}, told)
    assert other.results == {}
    assert told == ["part.json: earlier runs thrown away (a 1), because data was d1 and is d2"]
    assert json.loads(path.read_text())["results"]["a"]  # until there is something to put in its place
    path.write_text(json.dumps({"machine": {}, "tiny": False, "results": {"a": [{"seconds": 1.0}]}}))
    assert kept(path, SAME, told).results == {}
    assert "code was not recorded and is c1" in told[-1]


def test_failed_runs_are_tried_again_by_the_next_command(tmp_path: Path) -> None:
    kept(tmp_path / "part.json", SAME, []).add("a", {"failed": "no such peer"})
    assert kept(tmp_path / "part.json", SAME, []).results == {}


def test_peers_are_named_in_full_or_by_how_they_begin() -> None:
    names = ("ours", "ours, again", "keras tf.data", "keras ImageDataGenerator")
    parts = {"train": {name: Peer(dict, 1) for name in names}, "score": {"onnx": Peer(dict, 1)}}
    assert list(choose(parts, ["ours", "keras"])["train"]) == ["ours", "keras tf.data", "keras ImageDataGenerator"]
    assert choose(parts, ["ours, again"]) == {"train": {"ours, again": parts["train"]["ours, again"]}, "score": {}}
    assert choose(parts, []) == parts
    with pytest.raises(SystemExit, match=r"no peer is named torch\. There are: ours; ours, again;"):
        choose(parts, ["torch"])


def test_the_identity_follows_the_content_of_data_and_the_parameters(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images/1.jpg").write_bytes(b"one")

    def now(**changes: object) -> dict[str, object]:
        setting = Setting(tmp_path, tmp_path, "none", dict(changes), "python", 1, 1, 10, (1,), print)  # type: ignore[arg-type]
        return identity(setting, {"processor": "p", "load": 0.5, "date": "today"}, PARTS["validate"].code, True)

    before = now(train={"epochs": 1})
    assert before == now(train={"epochs": 1})
    assert "load" not in before
    assert before != now(train={"epochs": 2})
    (tmp_path / "images/1.jpg").write_bytes(b"two")
    assert {key for key, value in now(train={"epochs": 1}).items() if value != before[key]} == {"data"}
    assert fingerprint(tmp_path, []) != before["data"]


def test_the_files_that_a_part_depends_on_are_there() -> None:
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
        run(["bash", "-c", f"bash -c '{script}'; true"])
    signal.signal(signal.SIGALRM, before)
    time.sleep(3.5)
    assert not there.exists()


def test_progress_of_a_long_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.child.PROGRESS_S", 0.2)
    told: list[str] = []
    script = "import sys, time; print('epoch 1', file=sys.stderr, flush=True); time.sleep(1)"
    run(["python3", "-c", script], tell=told.append)
    assert told[-1].endswith("s: epoch 1")
