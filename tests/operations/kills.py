"""kill -9 of the stage, the worker or the server at random moments, many times over; a table of what it left.

python -m tests.operations.kills --kills 30 --seed 2026
"""

import argparse
import hashlib
import random
import sys
import tempfile
import time
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from tests.operations.production import FINAL, Production, dvc_status, kill, living, stage_process, until
from tests.small_checkout import make_checkout, set_params

VICTIMS = ("stage", "worker", "server")
WORK = {  # what changes: the share of a whole run in which the kill comes, and how often it is chosen
    ("split", "seed"): (0.8, 1),  # split, features, train, evaluate, submit
    ("train", "weight_decay"): (0.5, 2),  # train, evaluate, submit
    ("evaluate", "seed"): (0.25, 5),  # evaluate, submit
}
ENDED_WELL = ("Completed", "NotPromoted")
GONE_WITHIN_S = 60.0  # the guard's 8 s of grace, on a busy machine
LEAST = {"backbone": {"image_size": 64}, "train": {"fine_tune_layers": 5}}


@dataclass(frozen=True)
class Row:
    """What one kill did."""

    kill: int
    victim: str
    at_work: str  # the stage that was running
    after: str  # the run's start
    children_gone: str
    that_run: str  # the state that it ended with
    same_again: str  # the same deployment, once more
    lock: str
    champion: str
    left_running: int


def main() -> int:
    """Kill, look, print; 0 where every row is as it should be."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=30)
    options.add_argument("--seed", type=int, default=2026)
    chosen = options.parse_args()
    rng = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        root = make_checkout(Path(folder) / "checkout")
        set_params(root, LEAST)
        site = Production(root)
        site.make("deploy")
        site.start_worker()
        try:
            begun = time.monotonic()
            first = site.ended(site.begin())
            assert first["state_type"] == "COMPLETED", first["state"]
            usual = time.monotonic() - begun
            say([field.name.replace("_", " ") for field in fields(Row)])
            say(["---"] * len(fields(Row)))
            rows: list[Row] = []
            lasts = {changed: share * usual for changed, (share, _) in WORK.items()}
            while len(rows) < chosen.kills:
                if row := one_kill(site, len(rows) + 1, rng, lasts):
                    rows.append(row)
                    say([str(getattr(row, field.name)) for field in fields(Row)])
        finally:
            site.close()
    good = [row for row in rows if (row.lock, row.left_running) == ("whole", 0) and row.same_again in ENDED_WELL]
    good = [row for row in good if not row.children_gone.startswith("no") and row.champion != "broken"]
    print(f"\n{len(good)} of {len(rows)} as they should be; an undisturbed run took {usual:.0f} s")  # noqa: T201
    return int(len(good) != len(rows))


def one_kill(site: Production, number: int, rng: random.Random, lasts: dict[tuple[str, str], float]) -> Row | None:
    """Start a run with work to do, kill somebody, mend what is dead, start the run again and look.

    None where the run had ended before its moment came; `lasts`, the seconds in which it may come, learns from that.
    """
    victim = rng.choice(VICTIMS)
    changed = rng.choices(list(WORK), [often for _, often in WORK.values()])[0]
    section, key = changed
    set_params(site.root, {section: {key: rng.randrange(10**6) if key == "seed" else rng.random() / 100}})
    champion = champion_of(site.root)
    run = site.begin()
    until(lambda: site.run(run)["state_type"] == "RUNNING" or over(site, run), "the run to begin")
    begun = time.monotonic()
    until(lambda: stage_process(site.root) or over(site, run), "a stage")
    at_work = time.monotonic()
    moment = at_work + rng.uniform(0, lasts[changed])
    while time.monotonic() < moment and not over(site, run):
        time.sleep(0.2)
    stage = stage_process(site.root)
    if victim == "stage" and stage is None:
        stage = until(lambda: stage_process(site.root) or over(site, run), "a stage to kill")
    if over(site, run):
        lasts[changed] = time.monotonic() - at_work
        return None
    name = stage.cmdline()[2] if stage else "between two"
    dead = {"stage": stage, "worker": site.worker, "server": site.server}[victim]
    assert dead is not None
    after = time.monotonic() - begun
    children = dead.children(recursive=True)
    kill(dead)
    killed = time.monotonic()
    while (left := living(children)) and time.monotonic() - killed < GONE_WITHIN_S:
        time.sleep(0.1)
    gone = f"no: {[one.pid for one in left]}" if left else f"{len(children)} in {time.monotonic() - killed:.1f} s"
    if victim == "server":
        site.call(sys.executable, "-m", "flows.server", "start")  # as make deploy and make worker begin
    if victim == "worker":
        site.start_worker()
    if victim == "stage":
        site.ended(run)  # by itself, as it tries the stage once more
    again = site.ended(site.begin())
    that = site.ended(run)
    running = [one for one in site.runs() if one["state_type"] in ("RUNNING", "PENDING", "CANCELLING")]
    return Row(
        number,
        victim,
        name,
        f"{after:.0f} s",
        gone,
        that["state_name"],
        again["state_name"],
        "whole" if whole(site.root) else "broken",
        "none" if champion_of(site.root) is None else champion_state(site.root, champion),
        len(running),
    )


def over(site: Production, run: str) -> bool:
    """Whether the run has ended."""
    return site.run(run)["state_type"] in FINAL


def whole(root: Path) -> bool:
    """dvc.lock is YAML with every stage, and what it says of every file is true."""
    lock = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))
    return len(lock["stages"]) == 6 and dvc_status(root) == {}


def champion_of(root: Path) -> str | None:
    """The hash of the promoted model, where there is one."""
    folder = root / "artifacts/champion/model"
    return tree_hash(folder) if folder.is_dir() else None


def champion_state(root: Path, before: str | None) -> str:
    """Whether the champion is the one from before or the new model, byte for byte."""
    now = champion_of(root)
    return "as before" if now == before else "the new model" if now == tree_hash(root / "artifacts/model") else "broken"


def tree_hash(folder: Path) -> str:
    """Of the names and bytes of all files below a folder."""
    total = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return total.hexdigest()


def say(cells: list[str]) -> None:
    """One row of a Markdown table."""
    print(f"| {' | '.join(cells)} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
