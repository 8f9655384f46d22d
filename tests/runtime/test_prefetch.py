"""Order, memory bound and errors of results computed ahead."""

import threading
import time
from collections.abc import Iterator

import pytest

from facegender.runtime.prefetch import prefetch


def test_results_come_in_order_whichever_finishes_first() -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.05 if item == 0 else 0)
        return item

    assert list(prefetch(slow_first, range(10), workers=4, ahead=4)) == list(range(10))


def test_no_more_items_are_taken_than_may_wait() -> None:
    drawn = []

    def items() -> Iterator[int]:
        for item in range(100):
            drawn.append(item)
            yield item

    results = prefetch(lambda item: item, items(), workers=2, ahead=5)
    next(results)
    assert len(drawn) == 6  # five are waiting, one was returned
    results.close()


def test_work_runs_in_threads() -> None:
    names = set(prefetch(lambda _: threading.current_thread().name, range(4), workers=1, ahead=2))
    assert threading.current_thread().name not in names


def test_an_error_is_raised_at_its_items_turn() -> None:
    def fails_at_two(item: int) -> int:
        if item == 2:
            raise ValueError("two")
        return item

    results = prefetch(fails_at_two, range(5), workers=2, ahead=5)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
