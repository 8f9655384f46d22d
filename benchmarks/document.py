"""docs/benchmarks.md out of the raw numbers that the parts left: ratios first."""

import json
from pathlib import Path
from typing import Any

from benchmarks import document_train, step_table
from benchmarks.child import Result, median_of
from benchmarks.gpu_table import table
from benchmarks.machine import MOMENT
from benchmarks.train_part import ONLINE

TITLES = {
    "train": "Train to a model",
    "score": "Score images to a CSV",
    "validate": "Validate a folder",
    "orchestration": "Orchestration",
    "memory": "Memory",
}
NAMED = ("processor", "cores", *MOMENT)
NOT_RUN = "not run yet"


def write(results: Path) -> str:
    """The document; a part that was not run says so, and one that was run in part says what is missing."""
    lines = [
        "# Benchmarks",
        "",
        "`make bench` writes this file; `python -m benchmarks write` puts it together again from the raw numbers of",
        "its parts. Each peer and we work on the same rows, as child processes, in turn; figures are medians.",
        "Whole trainings run once unless asked for more, and their times are kept by epoch. Every finished run is kept",
        "at once: a command that was cut off goes on with the missing ones, and those of another machine, code or data",
        "are thrown away. `python -m benchmarks train --only ours keras` runs the peers whose names begin so.",
        "Labels are gender as perceived by annotators.",
        "",
    ]
    for part, title in TITLES.items():
        lines += [f"## {title}", ""]
        path = results / f"{part}.json"
        if not path.exists():
            lines += ["Not run yet.", ""]
            continue
        content = json.loads(path.read_text(encoding="utf-8"))
        lines += _where(content)
        lines += ["A small network, to see that it all runs: no figure to go by.", ""] if content["tiny"] else []
        lines += _missing(content)
        found = content["results"]
        lines += _memory(found) if part == "memory" else _times(found, part, content.get("asked", {}))
        lines += [""]
    step = results / "step.json"
    lines += ["## A training step", "", *step_table.table(json.loads(step.read_text()) if step.exists() else None), ""]
    lines += ["## Decoding", "", "`python -m benchmarks.decoding` writes [decoding.md](decoding.md).", ""]
    gpu = results / "gpu.json"
    lines += ["## GPU", "", *table(json.loads(gpu.read_text()) if gpu.exists() else None), ""]
    return "\n".join(lines)


def _where(content: dict[str, Any]) -> list[str]:
    """The machine, when, and how busy it was as the runs began."""
    here = content["machine"]
    runs = [run for done in content["results"].values() for run in done if "date" in run] or [here]
    dates, loads = sorted(run["date"] for run in runs), sorted(run["load"] for run in runs)
    when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    load = f"{loads[0]}" if loads[0] == loads[-1] else f"{loads[0]} to {loads[-1]}"
    others = ", ".join(f"{name} {value}" for name, value in here.items() if name not in NAMED)
    commits = sorted({run["commit"] for run in runs if "commit" in run})
    others += f", commit {', '.join(commits)}" if commits else ""
    return [f"{here['processor']}, {here['cores']} cores, load {load} at the start, {when}.", "", f"{others}.", ""]


def _missing(content: dict[str, Any]) -> list[str]:
    """Which peers have run less often than asked; those that failed are told in the table."""
    results = content["results"]
    missing = [
        f"{name} ({len(results.get(name, []))} of {repeats} runs)"
        for name, repeats in content.get("asked", {}).items()
        if len(results.get(name, [])) < repeats and not any("failed" in run for run in results.get(name, []))
    ]
    return [f"Missing: {'; '.join(missing)}.", ""] if missing else []


def _times(results: dict[str, list[Result]], part: str, asked: dict[str, int]) -> list[str]:
    ours = median_of(results.get("ours", []))
    lines = document_train.figures(results) if part == "train" else []
    if part == "score":
        mine, alone = (median_of(results.get(name, []), "images_per_second") for name in ("ours", "engine alone"))
        lines += [f"Share of the engine's rate on ready batches: {mine / alone:.2f}.", ""] if mine and alone else []
    lines += ["| | our time is shorter by | seconds | runs | peak MB |", "|---|---|---|---|---|"]
    for name in dict.fromkeys([*asked, *results]):
        runs = results.get(name, [])
        seconds, peak = median_of(runs), median_of(runs, "peak_kb")
        if name == ONLINE and not any("failed" in run for run in runs):
            continue  # of fewer images: told above, and no time to stand beside the others
        if seconds is None or peak is None:
            said = f"did not run: {runs[0]['failed']}" if runs else NOT_RUN
            lines.append(f"| {name} | | {said} | | |")
            continue
        ratio = f"{seconds / ours:.2f}x" if ours and name != "engine alone" else ""
        lines.append(f"| {name} | {ratio} | {seconds:.1f} | {len(runs)} | {peak / 1024:.0f} |")
    return lines


def _memory(results: dict[str, list[Result]]) -> list[str]:
    """A row a stage, out of runs by number of images, each with `peaks`: kB by stage."""
    by_size = {int(n): runs[0].get("peaks", {}) for n, runs in results.items()}
    sizes = sorted(by_size)
    few, many = sizes[-2:] if len(sizes) > 1 else (sizes[0], sizes[0])
    head = " | ".join(f"MB at {n:,}" for n in sizes)
    lines = [f"| stage | bytes an image, {few:,} to {many:,} | {head} |", "|---" * (len(sizes) + 2) + "|"]
    for stage in dict.fromkeys(stage for peaks in by_size.values() for stage in peaks):
        low, high = by_size[few].get(stage), by_size[many].get(stage)
        growth = f"{(high - low) * 1024 / (many - few):.0f}" if low and high and many > few else ""
        shown = " | ".join(f"{by_size[n][stage] / 1024:.0f}" if by_size[n].get(stage) else "" for n in sizes)
        lines.append(f"| {stage} | {growth} | {shown} |")
    failed = [f"At {n} images {runs[0]['failed']}." for n, runs in results.items() if "failed" in runs[0]]
    told = "A small network on links to fewer files; evaluate, all judged: as many validation rows as images are named."
    return [*lines, "", *failed, told]
