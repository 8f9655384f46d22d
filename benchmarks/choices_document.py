"""docs/choices.md, from the kept figures of the variants: a table, and a verdict on each default."""

from pathlib import Path
from typing import Any

from benchmarks.choice_variants import CHOICES, VARIANTS, Variant
from benchmarks.choice_verdicts import Results, compare, estimate_feature_time, judge_choice
from benchmarks.json_file import read_json
from benchmarks.machine import render_hardware, render_moments, render_versions
from benchmarks.markdown_text import NOT_RUN, TINY_NOTE, render_table

HEAD = """\
# Choices

What each default is worth beside its alternatives, in validation accuracy and time. `python -m benchmarks.choices`
runs the missing variants with the project's own commands, in child processes, and writes this file. With `write` it
only writes this file, from the kept results. Labels are gender as perceived by annotators.
"""

LEGEND = """\
Each variant is the default except for what its row names. Accuracy is measured on the validation rows and has a 95%
interval. The validation rows also choose the epoch, so every accuracy is slightly optimistic. *Against* is the
difference from the baseline on the same rows, in points of accuracy, with its paired 95% interval. Each variant ran
with one seed; another seed would move its accuracy by chance, too. Times are seconds, wall / CPU. *Load* is the load
average when the variant started: other programs slow the wall times more than the CPU times.

≈ marks features that were taken over from another variant; the time is that variant's, in proportion to the forward
passes. The fold ensemble can only be judged on a holdout, because its members have trained on all other rows. It and
its baseline share a holdout of a fifth of the rows. Its training time includes all folds and the augmented views of
the validation rows.
"""

TAIL = """\
*Within chance*: the 95% interval of the difference contains zero. Such a default is kept because it costs less, or
because nothing supports another value. The specification also fixes width, picture size, dropout, batch size and the
share of validation rows; no variant changes them.
"""


def render_document(folder: Path) -> str:
    """Return the document; variants that were not run say so."""
    results = {
        variant.name: read_json(path) for variant in VARIANTS if (path := folder / f"{variant.slug}.json").exists()
    }
    lines = HEAD.split("\n")
    if any(figures["tiny"] for figures in results.values()):
        lines += [TINY_NOTE, ""]
    lines += [*_describe_machines(results), "## Variants", "", *LEGEND.split("\n")]
    head = ["variant", "what differs", "accuracy, n", "against", "features", "training", "load"]
    lines += render_table(head, [_render_variant(variant, results) for variant in VARIANTS])
    lines += ["", "## Defaults", ""]
    verdicts = [(choice.parameter, choice.value, judge_choice(choice, results)) for choice in CHOICES]
    lines += render_table(["parameter", "default", "what the variants show"], verdicts)
    return "\n".join([*lines, "", *TAIL.split("\n")])


def _describe_machines(results: Results) -> list[str]:
    """Describe each machine; name its variants if there are several machines."""
    by_machine: dict[str, list[str]] = {}
    for name, figures in results.items():
        machine = figures["machine"]
        by_machine.setdefault(f"{render_hardware(machine)}, {render_versions(machine)}", []).append(name)
    lines = []
    for machine, names in by_machine.items():
        where = f"{machine}; {render_moments(results[name]['machine'] for name in names)}"
        lines += [f"{where}: {', '.join(names)}." if len(by_machine) > 1 else f"{where}.", ""]
    return lines


def _render_variant(variant: Variant, results: Results) -> list[str]:
    if variant.name not in results:
        return [variant.name, variant.differs, NOT_RUN, "", "", "", ""]
    figures = results[variant.name]
    return [
        variant.name,
        variant.differs,
        _render_accuracy(figures),
        _render_difference(variant, results),
        _render_features(figures["features"]),
        _render_training(figures["train"]),
        f"{figures['machine']['load']}",
    ]


def _render_accuracy(figures: dict[str, Any]) -> str:
    accuracy, judged = figures["accuracy"], figures["judged"]
    text = f"{accuracy['value']:.3f} ({accuracy['low']:.3f} to {accuracy['high']:.3f}), {accuracy['n']:,}"
    return text if judged == "validation" else f"{text}, {judged}"


def _render_difference(variant: Variant, results: Results) -> str:
    if variant.baseline == variant.name or variant.baseline not in results:
        return ""
    difference = compare(results[variant.name], results[variant.baseline])
    return f"{difference.points:+.1f} ({difference.low:+.1f} to {difference.high:+.1f})" if difference else ""


def _render_features(features: dict[str, Any]) -> str:
    took = estimate_feature_time(features)
    return ("≈ " if took.estimated else "") + f"{took.wall:,.0f} / {took.cpu:,.0f}"


def _render_training(training: dict[str, Any]) -> str:
    source = training.get("of")
    return f"as {source}" if source else f"{training['seconds']:,.0f} / {training['cpu_seconds']:,.0f}"
