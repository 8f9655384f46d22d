"""The peers of a part: choosing them by name, and running them in turn.

A peer is one way to do a part's work. Ours is one of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.child import Log, Result
from benchmarks.identity import read_commit
from benchmarks.machine import describe_moment
from benchmarks.results_file import ResultsFile


@dataclass(frozen=True)
class Peer:
    """One way to do a part's work: `run` does it once, and is to be called `repeats` times."""

    run: Callable[[], Result]
    repeats: int


def choose_peers(parts: Mapping[str, Mapping[str, Peer]], words: Sequence[str]) -> dict[str, dict[str, Peer]]:
    """Return the peers whose name, or its start, is one of `words`; all of them if there are no words.

    Raises
    ------
    SystemExit
        No peer matches a word.
    """
    names = [name for peers in parts.values() for name in peers]
    for word in words:
        if not _match(word, names):
            raise SystemExit(f"--only: no peer is named {word}. Choose from: {'; '.join(names)}")
    wanted = {name for word in words for name in _match(word, names)} if words else set(names)
    return {part: {name: peer for name, peer in peers.items() if name in wanted} for part, peers in parts.items()}


def _match(word: str, names: Iterable[str]) -> list[str]:
    return [word] if word in names else [name for name in names if name.startswith(word)]


def run_in_turns(peers: Mapping[str, Peer], file: ResultsFile, log: Log) -> None:
    """Run each peer once, then each again: whatever slows the machine for a while slows all of them.

    Runs that the file holds are not repeated; each new one is added at once. A peer that failed is not run again.
    """
    for turn in range(max((peer.repeats for peer in peers.values()), default=0)):
        for name, peer in peers.items():
            done = file.results.get(name, [])
            if turn >= peer.repeats or len(done) > turn or any("failed" in result for result in done):
                continue
            log(f"  {name}, run {turn + 1} of {peer.repeats}: started")
            started = {"commit": read_commit(), **describe_moment()}
            result = peer.run()
            file.add(name, {**result, **started})
            log(f"  {name}, run {turn + 1} of {peer.repeats}: {describe_result(result)}")


def describe_result(result: Result) -> str:
    """Return a finished run in one line."""
    if "failed" in result:
        return f"failed: {result['failed']}"
    words = [f"{result['seconds']:,.1f} s"] if "seconds" in result else []
    if result.get("epochs"):
        words.append(f"best accuracy {max(epoch['val_accuracy'] for epoch in result['epochs']):.3f}")
    shown = {key: value for key, value in result.items() if not isinstance(value, list | dict)}
    return ", ".join(words + [f"{key} {value}" for key, value in shown.items() if key != "seconds"])
