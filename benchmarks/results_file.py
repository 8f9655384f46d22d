"""The results file of a part: written whole after each finished run, so that an interrupted command can resume."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.child import Log, Result
from benchmarks.json_file import read_json, write_json

NOT_RECORDED = "not recorded"


class ResultsFile:
    """Finished runs by peer, including those of an earlier command with the same identity.

    Runs with another identity are discarded, and `log` receives the reason. Failed runs of an earlier command are
    forgotten: what was missing then may be installed now.

    Parameters
    ----------
    path
        The file.
    identity
        What all runs in the file must have in common: `benchmarks.identity`.
    facts
        Further fields of the file, such as the machine.
    asked
        All peers of the part and how often each is to run; the document lists what is missing.
    log
        Receives a message about the runs that were found.
    """

    def __init__(
        self, path: Path, identity: Mapping[str, Any], facts: Mapping[str, Any], asked: Mapping[str, int], log: Log
    ) -> None:
        self.path = path
        self.results: dict[str, list[Result]] = {}
        self._head = {**facts, "identity": dict(identity), "asked": dict(asked)}
        if not path.exists():
            return
        before = read_json(path)
        runs = {
            name: [run for run in peer_runs if "failed" not in run]
            for name, peer_runs in before["results"].items()
            if isinstance(peer_runs, list)
        }
        counts = ", ".join(f"{name} {len(peer_runs)}" for name, peer_runs in runs.items() if peer_runs) or "none"
        changes = describe_changes(before.get("identity", {}), identity)
        if changes:
            log(f"{path.name}: discarded earlier runs ({counts}), because " + "; ".join(changes))
        else:
            log(f"{path.name}: kept earlier runs ({counts})")
            self.results = {name: peer_runs for name, peer_runs in runs.items() if peer_runs}

    def add(self, name: str, result: Result) -> None:
        """Add one run of a peer and write the file."""
        self.results.setdefault(name, []).append(result)
        # in the order of the table, whichever run came first
        order = sorted(self.results, key=[*self._head["asked"], *self.results].index)
        write_json(self.path, {**self._head, "results": {name: self.results[name] for name in order}})


def describe_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return, in words, which fields differ and how."""
    names = [*now, *(name for name in before if name not in now)]
    return [
        f"{name} was {before.get(name, NOT_RECORDED)} and is {now.get(name, NOT_RECORDED)}"
        for name in names
        if before.get(name, NOT_RECORDED) != now.get(name, NOT_RECORDED)
    ]
