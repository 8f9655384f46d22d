"""docs/benchmarks.md out of the raw numbers that the parts left: ratios first."""

import json
from pathlib import Path
from typing import Any

from benchmarks.child import median_of
from benchmarks.gpu_table import table
from benchmarks.parts import ONLINE

TITLES = {
    "train": "Train to a model",
    "score": "Score images to a CSV",
    "validate": "Validate a folder",
    "orchestration": "Orchestration",
    "memory": "Memory",
}


def write(results: Path) -> str:
    """The document; a part that was not run says so."""
    lines = [
        "# Benchmarks",
        "",
        "`make bench` writes this file; `python -m benchmarks write` puts it together again from the raw numbers of",
        "its parts. Each peer and we work on the same rows, as child processes, in turn; figures are medians.",
        "Whole trainings run once unless asked for more, and their times are kept by epoch.",
        "Labels are gender as perceived by annotators.",
        "",
    ]
    for part, title in TITLES.items():
        lines += [f"## {title}", ""]
        path = results / f"{part}.json"
        if not path.exists():
            lines += ["Not run yet.", ""]
            continue
        content = json.loads(path.read_text())
        here = content["machine"]
        others = ", ".join(f"{name} {value}" for name, value in here.items() if name not in NAMED)
        lines += [f"{here['processor']}, {here['cores']} cores, load {here['load']} at the start, {here['date']}.", ""]
        lines += [f"{others}.", ""]
        lines += ["A small network, to see that it all runs: no figure to go by.", ""] if content["tiny"] else []
        lines += _memory(content["results"]) if part == "memory" else _times(content["results"], part)
        lines += [""]
    lines += ["## Decoding", "", "`python -m benchmarks.decoding` writes [decoding.md](decoding.md).", ""]
    gpu = results / "gpu.json"
    lines += ["## GPU", "", *table(json.loads(gpu.read_text()) if gpu.exists() else None), ""]
    return "\n".join(lines)


NAMED = ("processor", "cores", "load", "date")


def _times(results: dict[str, list[dict[str, Any]]], part: str) -> list[str]:
    ours = median_of(results.get("ours", []))
    lines = []
    if part == "train":
        lines += _targets(results)
    if part == "score":
        mine, alone = (median_of(results[name], "images_per_second") for name in ("ours", "engine alone"))
        lines += [f"Share of the engine's rate on ready batches: {mine / alone:.2f}.", ""] if mine and alone else []
    lines += _online(results) if part == "train" else []
    lines += ["| | our time is shorter by | seconds | runs | peak MB |", "|---|---|---|---|---|"]
    for name, runs in results.items():
        if name == ONLINE:  # of fewer images: told above, and no time to stand beside the others
            continue
        seconds, peak = median_of(runs), median_of(runs, "peak_kb")
        if seconds is None or peak is None:
            lines.append(f"| {name} | | did not run: {runs[0]['failed'] if runs else 'not asked'} | | |")
            continue
        ratio = f"{seconds / ours:.2f}x" if ours and name != "engine alone" else ""
        lines.append(f"| {name} | {ratio} | {seconds:.1f} | {len(runs)} | {peak / 1024:.0f} |")
    return lines


def _online(results: dict[str, list[dict[str, Any]]]) -> list[str]:
    runs = results.get(ONLINE, [])
    rate, rows = median_of(runs, "images_per_second"), runs[0] if runs else {}
    if rate is None:
        return [f"Online mode with all layers did not run: {rows.get('failed', 'not asked')}.", ""]
    told = (
        f"With all layers training, from images (online mode), ours trains {rate:.1f} images a second: the second epoch"
    )
    return [f"{told} over {rows['trained']:,} images, validation on {rows['validated']:,} included.", ""]


def _targets(results: dict[str, list[dict[str, Any]]]) -> list[str]:
    plain, ours = results["keras ImageDataGenerator"][0], results["ours"][0]
    if not plain.get("epochs") or not ours.get("epochs"):
        return []
    best = max(plain["epochs"], key=lambda row: row["val_accuracy"])
    reached = next((row for row in ours["epochs"] if row["val_accuracy"] >= best["val_accuracy"]), None)
    mine = max(row["val_accuracy"] for row in ours["epochs"])
    said = f"{best['val_accuracy']:.3f}, the plain script's best, came after {best['seconds']:.0f} s; "
    if reached:
        said += (
            f"ours passed it after {reached['seconds']:.0f} s, {best['seconds'] / reached['seconds']:.1f} times sooner."
        )
    else:
        said += "ours did not reach it."
    return [said, "", f"Best validation accuracy: ours {mine:.3f}, the plain script {best['val_accuracy']:.3f}.", ""]


def _memory(peaks: dict[str, dict[str, int]]) -> list[str]:
    sizes = sorted({int(n) for by_size in peaks.values() for n in by_size})
    few, many = sizes[-2:] if len(sizes) > 1 else (sizes[0], sizes[0])
    head = " | ".join(f"MB at {n:,}" for n in sizes)
    lines = [f"| stage | bytes an image, {few:,} to {many:,} | {head} |", "|---" * (len(sizes) + 2) + "|"]
    for stage, by_size in peaks.items():
        low, high = by_size.get(str(few)), by_size.get(str(many))
        growth = f"{(high - low) * 1024 / (many - few):.0f}" if low and high and many > few else ""
        shown = " | ".join(f"{by_size[str(n)] / 1024:.0f}" if by_size.get(str(n)) else "" for n in sizes)
        lines.append(f"| {stage} | {growth} | {shown} |")
    told = "A small network on links to fewer files; evaluate, all judged: as many validation rows as images are named."
    return [*lines, "", told]
