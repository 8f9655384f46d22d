"""Progress appears as lines in a log and as events for the parent process."""

import json
from pathlib import Path

import pytest

from facegender.runtime import events
from facegender.runtime.progress import track


def read_events(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_without_the_variable_nothing_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(events.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    events.emit("note", message="hello")
    assert list(tmp_path.iterdir()) == []


def test_the_last_event_reports_everything_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(events.VARIABLE, str(tmp_path / "events"))
    with track("features", 10, "views", done=4) as advance:
        advance(6)
    last = read_events(tmp_path / "events")[-1]
    assert (last["kind"], last["what"], last["done"], last["total"], last["unit"]) == (
        *("progress", "features", 10, 10),
        "views",
    )
    assert last["seconds_left"] == 0


def test_work_that_ended_early_has_nothing_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(events.VARIABLE, str(tmp_path / "events"))
    with track("fine tune", 10, "images") as advance:
        advance(6)
    last = read_events(tmp_path / "events")[-1]
    assert (last["done"], last["total"], last["seconds_left"]) == (6, 6, 0)


def test_units_of_an_earlier_run_do_not_count_towards_the_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr("facegender.runtime.progress.time.monotonic", lambda: now[0])
    with track("features", 1000, "views", done=400) as advance:
        now[0] = 12.0
        advance(120)
    lines = capsys.readouterr().err.splitlines()
    assert "features: 520/1,000 views, 10 views/s" in lines[0]  # 120 in 12 s
