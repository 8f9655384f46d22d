"""Workloads are timed in turn, and the warm-up does not count."""

import pytest

from benchmarks.timing import Took, consume, time_in_turns


def test_workloads_take_turns_and_the_warm_up_does_not_count() -> None:
    order: list[str] = []
    times = time_in_turns({name: lambda name=name: order.append(name) for name in "ab"}, rounds=2)
    assert order == ["a", "b"] * 3
    assert [len(taken) for taken in times.values()] == [2, 2]


def test_wall_and_cpu_time_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    wall, cpu = iter((0.0, 3.0, 10.0, 14.0)), iter((0.0, 1.0, 2.0, 4.0))
    monkeypatch.setattr("benchmarks.timing.time.perf_counter", lambda: next(wall))
    monkeypatch.setattr("benchmarks.timing.time.process_time", lambda: next(cpu))
    assert time_in_turns({"a": lambda: None}, rounds=2, warm_up=0) == {"a": [Took(3.0, 1.0), Took(4.0, 2.0)]}


def test_every_result_is_waited_for() -> None:
    seen: list[int] = []
    consume(seen.append(number) for number in range(3))
    assert seen == [0, 1, 2]
