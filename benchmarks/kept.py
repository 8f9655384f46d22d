"""The finished runs of one part, in one file that is whole after each: a command cut off goes on behind them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from facegender.files.atomic import atomic_file

NOT_RECORDED = "not recorded"


class Kept:
    """Results by peer, those of an earlier command included where everything that makes them comparable is the same.

    Others are thrown away, and what and why is told. Failed runs are not kept from one command to the next: what was
    missing may be there now.

    Parameters
    ----------
    identity
        What runs in one file must have in common.
    facts
        What the file says beside: the machine, and so on.
    asked
        All peers of the part and how often each is to run, for the document to say what is missing.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, Any],
        facts: Mapping[str, Any],
        asked: Mapping[str, int],
        tell: Callable[[str], None],
    ) -> None:
        self.path = path
        self.results: dict[str, list[dict[str, Any]]] = {}
        self._head = {**facts, "identity": dict(identity), "asked": dict(asked)}
        if not path.exists():
            return
        before = json.loads(path.read_text(encoding="utf-8"))
        runs = {
            name: [run for run in done if "failed" not in run]
            for name, done in before["results"].items()
            if isinstance(done, list)
        }
        counted = ", ".join(f"{name} {len(done)}" for name, done in runs.items() if done) or "none"
        differs = differences(before.get("identity", {}), identity)
        if differs:
            tell(f"{path.name}: earlier runs thrown away ({counted}), because " + "; ".join(differs))
        else:
            tell(f"{path.name}: earlier runs kept ({counted})")
            self.results = {name: done for name, done in runs.items() if done}

    def add(self, name: str, result: dict[str, Any]) -> None:
        """Keep one more run of a peer."""
        self.results.setdefault(name, []).append(result)
        # in the order of the table, whichever run came first
        order = sorted(self.results, key=[*self._head["asked"], *self.results].index)
        content = {**self._head, "results": {name: self.results[name] for name in order}}
        with atomic_file(self.path) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs, in words."""
    names = [*now, *(name for name in before if name not in now)]
    return [
        f"{name} was {before.get(name, NOT_RECORDED)} and is {now.get(name, NOT_RECORDED)}"
        for name in names
        if before.get(name, NOT_RECORDED) != now.get(name, NOT_RECORDED)
    ]
