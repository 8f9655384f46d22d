"""What the trainings say beside their times: who reaches which accuracy when, and what a further training costs.

Where peers have run more than once, their runs are compared turn by turn, for they were interleaved; then medians.
"""

from collections.abc import Sequence
from statistics import median

from benchmarks.child import Result, median_of
from benchmarks.train_part import AGAIN, FOLDS, ONLINE, OURS, PLAIN

FOLD_TRAININGS = 5.5  # 5 folds, and half a training for all else: what a cross-validation is meant to cost
PLAIN_SCRIPT = "the plain script"
TIMES = {"seconds": "wall", "cpu_seconds": "CPU"}
Results = dict[str, list[Result]]


def figures(results: Results) -> list[str]:
    """The rows that all worked on, and a table of comparisons; one whose runs are missing says so."""
    runs = {name: [run for run in done if "failed" not in run] for name, done in results.items()}
    told = {
        f"{PLAIN_SCRIPT}'s best validation accuracy: ours reaches it sooner by": _reached,
        "best validation accuracy: ours": lambda found: _best(found, OURS),
        f"best validation accuracy: {PLAIN_SCRIPT}": lambda found: _best(found, PLAIN),
        f"validation accuracy of the model that ours keeps, less {PLAIN_SCRIPT}'s best": _kept,
        f"wall time of {PLAIN_SCRIPT} over ours, features included": _whole,
        f"a second training with another learning rate, as share of {PLAIN_SCRIPT}'s time": _again,
        f"cross-validation over {FOLD_TRAININGS} trainings and the features": _folds_over_trainings,
        f"cross-validation over one run of {PLAIN_SCRIPT}": _folds_over_plain,
        "training the whole backbone from images (online mode)": _online,
    }
    lines = [_rows(runs), "", "| figure | measured |", "|---|---|"]
    return [*lines, *(f"| {name} | {figure(runs) or 'not run yet'} |" for name, figure in told.items()), ""]


def _rows(runs: Results) -> str:
    seen = {
        name: {(run["trained"], run["validated"]) for run in done if "trained" in run}
        for name, done in runs.items()
        if name != ONLINE
    }
    counts = set().union(*seen.values())
    if len(counts) > 1:
        told = "; ".join(f"{name} {sorted(found)}" for name, found in seen.items() if found)
        return f"**The peers worked on different numbers of training and validation rows: {told}.**"
    return (
        "; ".join(f"{train:,} training and {held:,} validation rows, the same for all" for train, held in counts) + "."
    )


def _pairs(runs: Results, *names: str) -> list[tuple[Result, ...]]:
    return list(zip(*(runs.get(name, []) for name in names), strict=False))


def _reached(runs: Results) -> str | None:
    ratios, plain_times, our_times = [], [], []
    pairs = [pair for pair in _pairs(runs, PLAIN, OURS) if all(run.get("epochs") for run in pair)]
    for plain, ours in pairs:
        best = max(plain["epochs"], key=lambda row: row["val_accuracy"])  # the first, where several are best
        reached = next((row for row in ours["epochs"] if row["val_accuracy"] >= best["val_accuracy"]), None)
        if reached:
            ratios.append(best["seconds"] / reached["seconds"])
            plain_times.append(best["seconds"])
            our_times.append(reached["seconds"])
    if not pairs:
        return None
    if len(ratios) < len(pairs):
        return f"not reached in {len(pairs) - len(ratios)} of {len(pairs)} runs"
    return f"{median(ratios):.2f}x: after {median(our_times):.0f} s, features included, not {median(plain_times):.0f} s"


def _best(runs: Results, name: str) -> str | None:
    best = [max(row["val_accuracy"] for row in run["epochs"]) for run in runs.get(name, []) if run.get("epochs")]
    return f"{median(best):.4f}" if best else None


def _kept(runs: Results) -> str | None:
    rises = [
        ours["kept_accuracy"] - max(row["val_accuracy"] for row in plain["epochs"])
        for plain, ours in _pairs(runs, PLAIN, OURS)
        if plain.get("epochs") and "kept_accuracy" in ours
    ]
    kept = median_of(runs.get(OURS, []), "kept_accuracy")
    return f"{median(rises):+.4f}, at {kept:.4f}" if rises else None


def _whole(runs: Results) -> str | None:
    return _ratio([(plain["seconds"], ours["seconds"]) for plain, ours in _pairs(runs, PLAIN, OURS)], "x")


def _again(runs: Results) -> str | None:
    pairs = _pairs(runs, AGAIN, PLAIN)
    ratio = _ratio([(again["seconds"], plain["seconds"]) for again, plain in pairs])
    return f"{ratio}: {median(again['seconds'] for again, _ in pairs):.0f} s" if ratio else None


def _folds_over_trainings(runs: Results) -> str | None:
    def budget(stages: dict[str, dict[str, float]], key: str) -> float:
        return stages["features"][key] + FOLD_TRAININGS * stages["train"][key]

    return _folds(runs, [budget(ours["stages"], key) for ours in runs.get(OURS, []) for key in TIMES])


def _folds_over_plain(runs: Results) -> str | None:
    return _folds(runs, [plain[key] for plain in runs.get(PLAIN, []) for key in TIMES])


def _folds(runs: Results, budgets: Sequence[float]) -> str | None:
    """A cross-validation with its features, from nothing, over a wall and a CPU time for each turn."""
    told = []
    for place, (key, kind) in enumerate(TIMES.items()):
        costs = [ours["stages"]["features"][key] + folds[key] for folds, ours in _pairs(runs, FOLDS, OURS)]
        ratio = _ratio(list(zip(costs, budgets[place :: len(TIMES)], strict=False)))
        told += [f"{kind} {ratio} ({median(costs):.0f} s)"] if ratio else []
    return ", ".join(told) or None


def _ratio(pairs: Sequence[tuple[float, float]], unit: str = "") -> str | None:
    return f"{median(above / below for above, below in pairs):.2f}{unit}" if pairs else None


def _online(runs: Results) -> str | None:
    rate, rows = median_of(runs.get(ONLINE, []), "images_per_second"), runs.get(ONLINE, [])
    if rate is None:
        return None
    told = f"{rate:.1f} images/s: the second epoch over {rows[0]['trained']:,} images"
    return f"{told}, validation on {rows[0]['validated']:,} included"
