"""What the trainings show beside their times: which accuracy each reaches when, and what a further training costs.

Peers that ran more than once ran in turn, so their runs are compared turn by turn before the median is taken.
"""

from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.child import Result, median_of
from benchmarks.markdown_text import NOT_RUN, render_table
from benchmarks.train_part import CROSS_VALIDATION, ONLINE, OURS, PLAIN, SECOND

TARGET_TRAININGS = 5.5  # what a cross-validation should cost: 5 folds, and half a training for everything else
TIMES = {"seconds": "wall", "cpu_seconds": "CPU"}
Results = dict[str, list[Result]]


def render_comparison(results: Results) -> list[str]:
    """Return the number of rows that all peers worked on, and a table of figures; some may not be measured yet."""
    runs = {name: [run for run in peer_runs if "failed" not in run] for name, peer_runs in results.items()}
    figures: dict[str, Callable[[Results], str | None]] = {
        "time to the plain script's best validation accuracy: ours is faster by": _compare_time_to_best,
        "best validation accuracy: ours": lambda found: _find_best(found, OURS),
        "best validation accuracy: the plain script": lambda found: _find_best(found, PLAIN),
        "validation accuracy of the model that ours keeps, minus the plain script's best": _compare_kept,
        "wall time of the plain script, divided by ours with its features": _compare_wall,
        "a second training with another learning rate, as a share of the plain script's time": _compare_second,
        f"cross-validation time, divided by {TARGET_TRAININGS} trainings and the features": _compare_folds_to_target,
        "cross-validation time, divided by one run of the plain script": _compare_folds_to_plain,
        "training the whole backbone from images (online mode)": _describe_online,
    }
    rows = [(name, compute(runs) or NOT_RUN) for name, compute in figures.items()]
    return [_describe_rows(runs), "", *render_table(("figure", "measured"), rows), ""]


def _describe_rows(runs: Results) -> str:
    seen = {
        name: {(run["trained"], run["validated"]) for run in peer_runs if "trained" in run}
        for name, peer_runs in runs.items()
        if name != ONLINE
    }
    counts = set().union(*seen.values())
    if len(counts) > 1:
        by_peer = "; ".join(f"{name} {sorted(found)}" for name, found in seen.items() if found)
        return f"**The peers worked on different numbers of training and validation rows: {by_peer}.**"
    same = [
        f"{trained:,} training and {validated:,} validation rows, the same for all." for trained, validated in counts
    ]
    return " ".join([*same, f"The plain script is `{PLAIN}`."])


def _pair_runs(runs: Results, *names: str) -> list[tuple[Result, ...]]:
    return list(zip(*(runs.get(name, []) for name in names), strict=False))


def _compare_time_to_best(runs: Results) -> str | None:
    ratios, plain_times, our_times = [], [], []
    pairs = [pair for pair in _pair_runs(runs, PLAIN, OURS) if all(run.get("epochs") for run in pair)]
    for plain, ours in pairs:
        best = max(plain["epochs"], key=lambda epoch: epoch["val_accuracy"])  # the first, if several are best
        reached = next((epoch for epoch in ours["epochs"] if epoch["val_accuracy"] >= best["val_accuracy"]), None)
        if reached:
            ratios.append(best["seconds"] / reached["seconds"])
            plain_times.append(best["seconds"])
            our_times.append(reached["seconds"])
    if not pairs:
        return None
    if len(ratios) < len(pairs):
        return f"not reached in {len(pairs) - len(ratios)} of {len(pairs)} runs"
    times = f"{median(our_times):.0f} s, features included, instead of {median(plain_times):.0f} s"
    return f"{median(ratios):.2f}x: {times}"


def _find_best(runs: Results, name: str) -> str | None:
    best = [max(epoch["val_accuracy"] for epoch in run["epochs"]) for run in runs.get(name, []) if run.get("epochs")]
    return f"{median(best):.4f}" if best else None


def _compare_kept(runs: Results) -> str | None:
    rises = [
        ours["kept_accuracy"] - max(epoch["val_accuracy"] for epoch in plain["epochs"])
        for plain, ours in _pair_runs(runs, PLAIN, OURS)
        if plain.get("epochs") and "kept_accuracy" in ours
    ]
    kept = median_of(runs.get(OURS, []), "kept_accuracy")
    return f"{median(rises):+.4f}, at {kept:.4f}" if rises else None


def _compare_wall(runs: Results) -> str | None:
    return _divide([(plain["seconds"], ours["seconds"]) for plain, ours in _pair_runs(runs, PLAIN, OURS)], "x")


def _compare_second(runs: Results) -> str | None:
    pairs = [(second["seconds"], plain["seconds"]) for second, plain in _pair_runs(runs, SECOND, PLAIN)]
    ratio = _divide(pairs)
    return f"{ratio}: {median(seconds for seconds, _ in pairs):.0f} s" if ratio else None


def _compare_folds_to_target(runs: Results) -> str | None:
    def target(stages: dict[str, dict[str, float]], key: str) -> float:
        return stages["features"][key] + TARGET_TRAININGS * stages["train"][key]

    return _compare_folds(runs, {key: [target(ours["stages"], key) for ours in runs.get(OURS, [])] for key in TIMES})


def _compare_folds_to_plain(runs: Results) -> str | None:
    return _compare_folds(runs, {key: [plain[key] for plain in runs.get(PLAIN, [])] for key in TIMES})


def _compare_folds(runs: Results, budgets: dict[str, list[float]]) -> str | None:
    """Divide the time of a cross-validation and its features by a wall and a CPU time for each turn."""
    ratios = []
    for key, kind in TIMES.items():
        pairs = _pair_runs(runs, CROSS_VALIDATION, OURS)
        costs = [ours["stages"]["features"][key] + folds[key] for folds, ours in pairs]
        ratio = _divide(list(zip(costs, budgets[key], strict=False)))
        ratios += [f"{kind} {ratio} ({median(costs):.0f} s)"] if ratio else []
    return ", ".join(ratios) or None


def _divide(pairs: Sequence[tuple[float, float]], unit: str = "") -> str | None:
    return f"{median(above / below for above, below in pairs):.2f}{unit}" if pairs else None


def _describe_online(runs: Results) -> str | None:
    rate, rows = median_of(runs.get(ONLINE, []), "images_per_second"), runs.get(ONLINE, [])
    if rate is None:
        return None
    images = f"the second epoch over {rows[0]['trained']:,} images"
    return f"{rate:.1f} images/s: {images}, validation on {rows[0]['validated']:,} included"
