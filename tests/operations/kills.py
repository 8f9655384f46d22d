"""Kills the stage, the worker or the server by SIGKILL at random moments, many times; prints a table of the results.

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
WORK = {  # parameter: share of a whole run within which the kill comes, and how often it is chosen
    ("split", "seed"): (0.8, 1),  # split, features, train, evaluate, submit
    ("train", "weight_decay"): (0.5, 2),  # train, evaluate, submit
    ("evaluate", "seed"): (0.25, 5),  # evaluate, submit
}
ENDED_WELL = ("Completed", "NotPromoted")
GONE_WITHIN_S = 60.0  # 8 s of grace by the guard, and a busy machine
LEAST = {"backbone": {"image_size": 64}, "train": {"fine_tune_layers": 5}}


@dataclass(frozen=True)
class Row:
    """The result of one kill."""

    kill: int
    victim: str
    stage: str  # that was running
    after: str  # time since the run's start
    children_gone: str
    that_run: str  # its final state
    same_again: str  # final state of the next run of the same deployment
    lock: str
    champion: str
    left_running: int


def main() -> int:
    """Kill, check and print; return 0 if every row is as expected."""
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
            print_row([field.name.replace("_", " ") for field in fields(Row)])
            print_row(["---"] * len(fields(Row)))
            rows: list[Row] = []
            lasts = {changed: share * usual for changed, (share, _) in WORK.items()}
            while len(rows) < chosen.kills:
                if row := one_kill(site, len(rows) + 1, rng, lasts):
                    rows.append(row)
                    print_row([str(getattr(row, field.name)) for field in fields(Row)])
        finally:
            site.close()
    good = [row for row in rows if (row.lock, row.left_running) == ("whole", 0) and row.same_again in ENDED_WELL]
    good = [row for row in good if not row.children_gone.startswith("no") and row.champion != "broken"]
    print(f"\n{len(good)} of {len(rows)} as expected; an undisturbed run took {usual:.0f} s")  # noqa: T201
    return int(len(good) != len(rows))


def one_kill(site: Production, number: int, rng: random.Random, lasts: dict[tuple[str, str], float]) -> Row | None:
    """Start a run with work to do, kill a process, restart what is dead, run again and check.

    Returns None if the run ended before the kill. `lasts`, the seconds within which the kill comes, is then shortened.
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
    stage_begun = time.monotonic()
    moment = stage_begun + rng.uniform(0, lasts[changed])
    while time.monotonic() < moment and not over(site, run):
        time.sleep(0.2)
    stage = stage_process(site.root)
    if victim == "stage" and stage is None:
        stage = until(lambda: stage_process(site.root) or over(site, run), "a stage to kill")
    if over(site, run):
        lasts[changed] = time.monotonic() - stage_begun
        return None
    name = stage.cmdline()[2] if stage else "between stages"
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
        site.call(sys.executable, "-m", "flows.server", "start")  # the first step of make deploy and make worker
    if victim == "worker":
        site.start_worker()
    if victim == "stage":
        site.ended(run)  # by itself: it retries the stage once
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
    """Return whether the run has ended."""
    return site.run(run)["state_type"] in FINAL


def whole(root: Path) -> bool:
    """Return whether dvc.lock is YAML with every stage and matches every file."""
    lock = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))
    return len(lock["stages"]) == 6 and dvc_status(root) == {}


def champion_of(root: Path) -> str | None:
    """Return the hash of the promoted model; None if there is none."""
    folder = root / "artifacts/champion/model"
    return tree_hash(folder) if folder.is_dir() else None


def champion_state(root: Path, before: str | None) -> str:
    """Say whether the champion is the one from before or the new model, byte for byte."""
    now = champion_of(root)
    return "as before" if now == before else "the new model" if now == tree_hash(root / "artifacts/model") else "broken"


def tree_hash(folder: Path) -> str:
    """Hash names and bytes of all files below a folder."""
    total = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return total.hexdigest()


def print_row(cells: list[str]) -> None:
    """Print one row of a Markdown table."""
    print(f"| {' | '.join(cells)} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
