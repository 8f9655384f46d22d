"""The peers of a part, which of them are asked for, and their runs in turn."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.child import Result, Tell
from benchmarks.identity import commit
from benchmarks.kept import Kept
from benchmarks.machine import moment


@dataclass(frozen=True)
class Peer:
    """One way of doing a part's work, and how often it is to be measured."""

    go: Callable[[], Result]
    repeats: int


def choose(parts: Mapping[str, Mapping[str, Peer]], words: Sequence[str]) -> dict[str, dict[str, Peer]]:
    """The peers that are named: each word in full, or as what names begin with. No words: all.

    Raises
    ------
    SystemExit
        A word names none.
    """
    names = [name for peers in parts.values() for name in peers]
    for word in words:
        if not _named(word, names):
            raise SystemExit(f"--only: no peer is named {word}. There are: {'; '.join(names)}")
    wanted = {name for word in words for name in _named(word, names)} if words else set(names)
    return {part: {name: peer for name, peer in peers.items() if name in wanted} for part, peers in parts.items()}


def _named(word: str, names: Iterable[str]) -> list[str]:
    return [word] if word in names else [name for name in names if name.startswith(word)]


def interleaved(peers: Mapping[str, Peer], kept: Kept, tell: Tell) -> None:
    """Each peer once, then each again: what slows the machine for a while slows all of them.

    Runs that are kept are not repeated, and each new one is kept at once. A peer that fails is left.
    """
    for turn in range(max((peer.repeats for peer in peers.values()), default=0)):
        for name, peer in peers.items():
            done = kept.results.get(name, [])
            if turn >= peer.repeats or len(done) > turn or any("failed" in result for result in done):
                continue
            tell(f"  {name}, {turn + 1} of {peer.repeats}: begun")
            when = {"commit": commit(), **moment()}
            result = peer.go()
            kept.add(name, {**result, **when})
            tell(f"  {name}, {turn + 1} of {peer.repeats}: {told(result)}")


def told(result: Result) -> str:
    """A finished run in one line."""
    if "failed" in result:
        return f"did not run: {result['failed']}"
    words = [f"{result['seconds']:,.1f} s"] if "seconds" in result else []
    if result.get("epochs"):
        words.append(f"best accuracy {max(row['val_accuracy'] for row in result['epochs']):.3f}")
    shown = {key: value for key, value in result.items() if not isinstance(value, list | dict)}
    return ", ".join(words + [f"{key} {value}" for key, value in shown.items() if key != "seconds"])
