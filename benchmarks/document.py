"""docs/benchmarks.md, from the results files of the parts."""

from pathlib import Path
from typing import Any

from benchmarks import gpu_table, step_table, train_figures
from benchmarks.child import Result, median_of
from benchmarks.json_file import read_json_if_present
from benchmarks.machine import render_hardware, render_moments, render_versions
from benchmarks.markdown_text import NOT_RUN, TINY_NOTE, render_table
from benchmarks.memory_part import EVALUATE_MANY
from benchmarks.score_part import ENGINE_ALONE
from benchmarks.train_part import ONLINE

TITLES = {
    "train": "Train a model",
    "score": "Score images to a CSV",
    "validate": "Validate a folder",
    "orchestration": "Orchestration",
    "memory": "Memory",
}
HEAD = """\
# Benchmarks

`make bench` measures and writes this file; `python -m benchmarks write` writes it from the kept results. Ours and its
peers run as child processes, in turn, on the same rows; figures are medians. Whole trainings run once unless more
runs are asked for, and the time of every epoch is kept. Every finished run is kept at once, so an interrupted command
resumes with the missing runs. Runs from another machine, code or data are discarded.
`python -m benchmarks train --only ours keras` runs only the peers whose names start with one of these words. Labels
are gender as perceived by annotators.
"""


def render_document(results: Path) -> str:
    """Return the document; a part that was not run says so, and one that was run partly lists what is missing."""
    lines = HEAD.split("\n")
    for part, title in TITLES.items():
        lines += [f"## {title}", "", *_render_part(part, read_json_if_present(results / f"{part}.json")), ""]
    lines += ["## A training step", "", *step_table.render(read_json_if_present(results / "step.json")), ""]
    lines += ["## Decoding", "", "`python -m benchmarks.decoding` writes [decoding.md](decoding.md).", ""]
    lines += ["## GPU", "", *gpu_table.render(read_json_if_present(results / "gpu.json")), ""]
    return "\n".join(lines)


def _render_part(part: str, content: dict[str, Any] | None) -> list[str]:
    if content is None:
        return ["Not run yet."]
    results, asked = content["results"], content.get("asked", {})
    lines = _describe_where(content)
    if content["tiny"]:
        lines += [TINY_NOTE, ""]
    lines += _list_missing(results, asked)
    if part == "memory":
        return lines + _render_memory(results)
    if part == "train":
        lines += train_figures.render_comparison(results)
    if part == "score":
        lines += _compare_to_engine(results)
    return lines + _render_times(results, asked)


def _describe_where(content: dict[str, Any]) -> list[str]:
    """Describe the machine, its load and the date when the runs began, and the versions."""
    machine = content["machine"]
    runs = [run for peer_runs in content["results"].values() for run in peer_runs if "date" in run]
    commits = sorted({run["commit"] for run in runs if "commit" in run})
    versions = render_versions(machine) + (f", commit {', '.join(commits)}" if commits else "")
    return [f"{render_hardware(machine)}, {render_moments(runs or [machine])}.", "", f"{versions}.", ""]


def _list_missing(results: dict[str, list[Result]], asked: dict[str, int]) -> list[str]:
    """List the peers that have run less often than asked, except failed ones, which the table shows."""
    missing = [
        f"{name} ({len(results.get(name, []))} of {repeats} runs)"
        for name, repeats in asked.items()
        if len(results.get(name, [])) < repeats and not any("failed" in run for run in results.get(name, []))
    ]
    return [f"Missing: {'; '.join(missing)}.", ""] if missing else []


def _compare_to_engine(results: dict[str, list[Result]]) -> list[str]:
    ours, engine = (median_of(results.get(name, []), "images_per_second") for name in ("ours", ENGINE_ALONE))
    if not (ours and engine):
        return []
    return [f"Ours reaches {ours / engine:.2f} of the engine's rate on batches that are ready in memory.", ""]


def _render_times(results: dict[str, list[Result]], asked: dict[str, int]) -> list[str]:
    ours = median_of(results.get("ours", []))
    rows = []
    for name in dict.fromkeys([*asked, *results]):
        runs = results.get(name, [])
        seconds, peak = median_of(runs), median_of(runs, "peak_kb")
        if name == ONLINE and not any("failed" in run for run in runs):
            continue  # it ran on fewer images, so its time cannot stand beside the others; the figures above have it
        if seconds is None or peak is None:
            rows.append([name, "", f"failed: {runs[0]['failed']}" if runs else NOT_RUN, "", ""])
            continue
        ratio = f"{seconds / ours:.2f}x" if ours and name != ENGINE_ALONE else ""
        rows.append([name, ratio, f"{seconds:.1f}", f"{len(runs)}", f"{peak / 1024:.0f}"])
    return render_table(["", "time divided by ours", "seconds", "runs", "peak MB"], rows)


def _render_memory(results: dict[str, list[Result]]) -> list[str]:
    """Return a row per stage, from a run per number of images, each with `peaks`: kB by stage."""
    by_size = {int(count): runs[0].get("peaks", {}) for count, runs in results.items()}
    sizes = sorted(by_size)
    few, many = sizes[-2:] if len(sizes) > 1 else (sizes[0], sizes[0])
    rows = []
    for stage in dict.fromkeys(stage for peaks in by_size.values() for stage in peaks):
        low, high = by_size[few].get(stage), by_size[many].get(stage)
        growth = f"{(high - low) * 1024 / (many - few):.0f}" if low and high and many > few else ""
        peaks = [by_size[size].get(stage) for size in sizes]
        rows.append([stage, growth, *(f"{peak / 1024:.0f}" if peak else "" for peak in peaks)])
    head = ["stage", f"bytes per image, {few:,} to {many:,}", *(f"MB at n = {size:,}" for size in sizes)]
    failed = [f"At n = {count}: {runs[0]['failed']}." for count, runs in results.items() if "failed" in runs[0]]
    note = "Each stage runs a small network on n images, which are links to fewer files. "
    note += f"*{EVALUATE_MANY}* judges n validation rows instead."
    return [*render_table(head, rows), "", *failed, note]
