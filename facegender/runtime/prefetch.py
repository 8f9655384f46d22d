"""Compute results ahead in threads, in order and with bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetch(function: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int) -> Iterator[Result]:
    """Yield function(item) for each item, in order, with at most `ahead` results computed in advance.

    It uses threads because the work here (decoding, resizing) releases the interpreter lock. Unlike `Executor.map`, it
    takes items only when needed, so memory is bounded.

    Parameters
    ----------
    workers
        Number of threads.
    ahead
        Largest number of results that are being computed or waiting.

    Raises
    ------
    Exception
        Whatever `function` raises, when the item's turn comes.

    Examples
    --------
    >>> list(prefetch(str.upper, ["a", "b"], workers=2, ahead=2))
    ['A', 'B']
    """
    source = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Result]] = deque(pool.submit(function, item) for item in islice(source, ahead))
        try:
            while waiting:
                result = waiting.popleft().result()
                for item in islice(source, 1):
                    waiting.append(pool.submit(function, item))
                yield result
        finally:
            for future in waiting:
                future.cancel()
