"""docs/choices.md out of the raw figures of its rows: a table, and what it says of each default."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.choice_rows import CHOICES, ROWS, Choice, Row
from facegender.evaluation.compare import mcnemar
from facegender.statistics.intervals import Z95

Results = dict[str, dict[str, Any]]

CHEAPER = 0.9  # of the baseline's CPU time: what counts as cheaper

HEAD = """# Choices

What each default is worth beside its alternatives, by validation accuracy and time. `python -m benchmarks.choices`
runs the rows that are missing, each by the project's own commands in child processes, and puts this file together;
with `write` behind it, from what it has kept. Labels are gender as perceived by annotators.
"""

LEGEND = """Every row is the default but for what stands beside it. Accuracy is of the validation rows, with its 95%
interval; they also choose the epoch, so all of it leans to the hopeful side. *Against* is the difference from the
baseline on the same rows, in points of accuracy, with its paired 95% interval. One seed each: another seed moves a
row by chance too. Times are seconds, wall / CPU. With ≈ the features were taken over from a row with more views, and
the time is that row's by its share of forward passes. The fold ensemble can be judged on a holdout alone, since its
members have trained on all other rows; it and its baseline share one, of a fifth of the rows, and its training holds
all folds and the augmented views of the validation rows.
"""

TAIL = """Width, picture size, dropout, batch size and the share of validation rows are the user's specification's; no
row varies them. A default whose rows all lie within chance of it is kept for its cost, or because nothing speaks for
another.
"""


@dataclass(frozen=True)
class Difference:
    """A row's accuracy less its baseline's on the same rows, in points.

    The interval is Wald's for paired proportions (Agresti 2013, 11.1.1); p is McNemar's.
    """

    points: float
    low: float
    high: float
    p_value: float


def difference(row: dict[str, Any], baseline: dict[str, Any]) -> Difference | None:
    """None where the two were not judged on the same rows."""
    if row["rows"] != baseline["rows"]:
        return None
    pairs = list(zip(row["right"], baseline["right"], strict=True))
    n, only_row, only_base = len(pairs), pairs.count(("1", "0")), pairs.count(("0", "1"))
    gain = (only_row - only_base) / n
    half = Z95 * math.sqrt(max(0.0, (only_row + only_base) / n - gain**2) / n)
    return Difference(100 * gain, 100 * (gain - half), 100 * (gain + half), mcnemar(only_row, only_base))


def write(results: Path) -> str:
    """The document; rows that were not run say so."""
    found = {row.name: json.loads(path.read_text()) for row in ROWS if (path := results / f"{row.slug}.json").exists()}
    lines = [*HEAD.splitlines(), ""]
    if any(content["tiny"] for content in found.values()):
        lines += ["A small network, to see that it all runs: no figure to go by.", ""]
    lines += [*machines(found), "## Rows", "", *LEGEND.splitlines(), ""]
    lines += ["| row | what differs | accuracy, n | against | features | training |", "|---|---|---|---|---|---|"]
    lines += [line(row, found) for row in ROWS]
    lines += ["", "## Defaults", "", "| default | | follows from |", "|---|---|---|"]
    lines += [f"| {choice.parameter} | {choice.value} | {verdict(choice, found)} |" for choice in CHOICES]
    lines += ["", *TAIL.splitlines(), ""]
    return "\n".join(lines)


def machines(found: Results) -> list[str]:
    """What the rows were measured on, each machine once."""
    lines = []
    for name, content in found.items():
        here = content["machine"]
        others = ", ".join(f"{key} {here[key]}" for key in ("python", "tensorflow", "keras", "openvino"))
        lines.append((f"{here['processor']}, {here['cores']} cores, {others}", name, here["load"], here["date"]))
    said = []
    for where in dict.fromkeys(entry[0] for entry in lines):
        rows = [f"{name} (load {load}, {date[:10]})" for place, name, load, date in lines if place == where]
        said += [f"{where}: {', '.join(rows)}.", ""]
    return said


def line(row: Row, found: Results) -> str:
    """One row of the table."""
    head = f"| {row.name} | {row.differs} "
    if row.name not in found:
        return f"{head}| not run yet | | | |"
    content = found[row.name]
    accuracy = content["accuracy"]
    shown = f"{accuracy['value']:.3f} ({accuracy['low']:.3f} to {accuracy['high']:.3f}), {accuracy['n']:,}"
    if content["judged"] != "validation":
        shown += f", {content['judged']}"
    against = ""
    if row.against != row.name and row.against in found and (change := difference(content, found[row.against])):
        against = f"{change.points:+.1f} ({change.low:+.1f} to {change.high:+.1f})"
    return f"{head}| {shown} | {against} | {features(content['features'])} | {training(content['train'])} |"


def features(took: dict[str, Any]) -> str:
    """Seconds, wall / CPU."""
    there = took["there"]
    if there is None:
        return f"{took['seconds']:,.0f} / {took['cpu_seconds']:,.0f}"
    share = took["passes"] / there["passes"]
    return f"≈ {there['seconds'] * share:,.0f} / {there['cpu_seconds'] * share:,.0f}"


def training(took: dict[str, Any]) -> str:
    """Seconds, wall / CPU; or whose model it is."""
    return f"as {took['of']}" if took.get("of") else f"{took['seconds']:,.0f} / {took['cpu_seconds']:,.0f}"


def seconds(content: dict[str, Any], found: Results) -> float:
    """Features and training on a quiet machine: seconds of the processor."""
    took, there = content["features"], content["features"]["there"]
    made = took["cpu_seconds"] if there is None else there["cpu_seconds"] * took["passes"] / there["passes"]
    giver = content["train"].get("of")
    trained = found[giver]["train"] if giver in found else content["train"]
    return float(made + trained["cpu_seconds"])


def verdict(choice: Choice, found: Results) -> str:
    """Whether a default follows from the table or from the specification, and what the table says."""
    missing = [name for name in choice.rows if name not in found]
    fixed = "the user's specification fixes it" if choice.fixed else ""
    if choice.baseline not in found or len(missing) == len(choice.rows):
        return f"{fixed}; not run yet" if fixed else "not run yet"
    baseline = found[choice.baseline]
    run = [name for name in choice.rows if name in found]
    compared = [(name, change) for name in run if (change := difference(found[name], baseline))]
    better = [(change.points, name, change) for name, change in compared if change.low > 0]
    worse = [name for name, change in compared if change.high < 0]
    cost = seconds(baseline, found)
    if better:
        _, name, change = max(better)
        times = seconds(found[name], found) / cost
        interval = f"{change.low:+.1f} to {change.high:+.1f}"
        says = f"{name} is better by {change.points:.1f} points ({interval}) at {times:.1f} times the CPU time"
        said = f"{fixed}: the table speaks against it, {says}" if fixed else f"the table speaks against it: {says}"
    else:
        alike = [name for name, _ in compared if name not in worse]
        shares = {name: seconds(found[name], found) / cost for name in alike}
        cheaper = [f"{name} at {share:.2f} times the CPU time" for name, share in shares.items() if share < CHEAPER]
        parts = [
            f"{', '.join(worse)} worse" if worse else "",
            f"{', '.join(alike)} within chance of it" if alike else "",
            f"of these cheaper: {', '.join(cheaper)}" if cheaper else "",
        ]
        said = f"{fixed or 'the table'}: {'; '.join(filter(None, parts))}"
    return said + (f"; not run yet: {', '.join(missing)}" if missing else "")
