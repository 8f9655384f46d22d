"""docs/decoding.md out of what `benchmarks.decoding` measured: ratios first."""

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from benchmarks.decoding_ways import FULL, TODAY

WIDTH = 120  # characters of a line
FASTER = 1.2  # of the processor's time; below, a way is called as fast as another
NAMED = ("processor", "cores", "load", "date")

Table = dict[tuple[str, int], dict[str, float]]


@dataclass(frozen=True)
class Measured:
    """By set (faces, photographs), number of threads, and way.

    rates
        Images a second.
    costs
        Seconds of the processor an image, all threads together.
    right
        By way and kind of file: whether it is handled right.
    far
        By set and way: mean and 99th percentile of the absolute difference from today's pixels, in levels.
    """

    rates: Table
    costs: Table
    right: dict[str, dict[str, bool]]
    far: dict[str, dict[str, tuple[float, float]]]


def write(here: dict[str, Any], setting: dict[str, Any], measured: Measured) -> str:
    """The document."""
    versions = ", ".join(f"{name} {value}" for name, value in here.items() if name not in NAMED)
    sets = (
        f"Faces: {setting['faces']} files of the data folder, {setting['face']} pixels. Photographs: "
        f"{setting['photographs']} of {setting['photograph']} pixels, {setting['megabytes']:.1f} MB each, enlarged "
        f"from faces, with grain. Figures are medians of {setting['rounds']} rounds in which all take turns."
    )
    if measured.far["faces"].get(FULL) == (0.0, 0.0):  # nothing to scale
        sets += " On faces the first two ways do the very same: how far their figures lie apart is this run's noise."
    if here["load"] > 1:
        sets += " Other work ran beside it, so figures by the clock are too low, those of two threads above all."
    lines = [
        "# Decoding",
        "",
        "`python -m benchmarks.decoding` writes this file: ways from a picture file to the pixels that a model sees,",
        f"{setting['size']} x {setting['size']}, beside the one that the project uses, which is first in each table.",
        "",
        f"{here['processor']}, {here['cores']} cores, load {here['load']} at the start, {here['date']}.",
        "",
        f"{versions}.",
        "",
        *wrap(sets, WIDTH),
        "",
        "## Which is kept, and why",
        "",
        *_verdict(measured),
        "## Speed",
        "",
        f"How many times as fast as `{TODAY}`; more is faster. Time is the clock's; processor is the processor's time",
        "with one thread, which other work on the machine changes less.",
        "",
        *_ratios(measured),
        "",
        "Images a second, and the processor's milliseconds an image with one thread:",
        "",
        *_figures(measured),
        "",
        "## What is handled right",
        "",
        "Drawn pictures whose pixels are known; right is a mean difference from them of at most 4 of 255 levels, or an",
        "error where the file must be refused. tests/test_decode.py holds ours to more than this.",
        "",
        *_right(measured),
        "",
        f"## How far the pixels are from those of `{TODAY}`",
        "",
        "Mean and 99th percentile of the absolute difference, in levels of 255:",
        "",
        *_far(measured),
        "",
    ]
    return "\n".join(lines)


def _verdict(measured: Measured) -> list[str]:
    costs = _single(measured)
    lines = [f"Kept: `{TODAY}`, Pillow in threads. Beside it, by the processor's time:", ""]
    for name, kinds in measured.right.items():
        if name == TODAY:
            continue
        gains = {kind: ways[TODAY] / ways[name] for kind, ways in costs.items()}
        said = " and ".join(f"{gain:.1f} times as fast on {kind}" for kind, gain in gains.items())
        wrong = sum(not handled for handled in kinds.values())
        if wrong:
            line = f"- {name}: {said}; wrong in {wrong} of {len(kinds)} kinds of files."
        else:
            why = _reason(name, measured) if max(gains.values()) >= FASTER else _cost(name, measured)
            line = f"- {name}: {said}; handles all that ours does. {why}"
        lines += wrap(line, WIDTH, subsequent_indent="  ")
    return [*lines, ""]


def _cost(name: str, measured: Measured) -> str:
    """What a way that is right everywhere, and no faster, does otherwise."""
    if name != FULL:
        return "It is not faster."
    return (
        "Scaling changes the pixels of large pictures only, those whose shorter side is four times the model's or "
        f"more, by {measured.far['photographs'][name][0]:.2f} levels on average."
    )


def _reason(name: str, measured: Measured) -> str:
    """Why a way that is right everywhere, and faster, is not the one in use."""
    costs = _single(measured)
    saved = 1000 * (costs["faces"][TODAY] - costs["faces"][name])
    return f"It saves {saved:.1f} ms a face, for one more compiled dependency and a second decoder for the same files."


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(head)
    return [
        f"| {' | '.join(head)} |",
        "|---" * len(head) + "|",
        *(f"| {' | '.join(cells)} |" for cells in rows),
    ]


def _columns(measured: Measured) -> list[str]:
    return [f"{kind}, {count} thread{'s' if count > 1 else ''}" for kind, count in measured.rates]


def _single(measured: Measured) -> dict[str, dict[str, float]]:
    """Costs by set, with the fewest threads measured."""
    first = min(count for _, count in measured.costs)
    return {kind: ways for (kind, count), ways in measured.costs.items() if count == first}


def _ratios(measured: Measured) -> list[str]:
    single = _single(measured)
    rows = []
    for name in measured.right:
        times = [ways[name] / ways[TODAY] for ways in measured.rates.values()]
        costs = [ways[TODAY] / ways[name] for ways in single.values()]
        rows.append([name, *(f"{ratio:.2f}x" for ratio in [*times, *costs])])
    return _table(["", *_columns(measured), *(f"{kind}, processor" for kind in single)], rows)


def _figures(measured: Measured) -> list[str]:
    single = _single(measured)
    rows = [
        [
            name,
            *(f"{ways[name]:.{0 if ways[name] >= 100 else 1}f}" for ways in measured.rates.values()),
            *(f"{1000 * ways[name]:.2f}" for ways in single.values()),
        ]
        for name in measured.right
    ]
    return _table(["", *_columns(measured), *(f"{kind}, ms" for kind in single)], rows)


def _right(measured: Measured) -> list[str]:
    names = list(measured.right)
    kinds = measured.right[TODAY]
    rows = [[kind, *("yes" if measured.right[name][kind] else "no" for name in names)] for kind in kinds]
    return _table(["", *names], rows)


def _far(measured: Measured) -> list[str]:
    rows = [
        [name, *(f"{part:.2f}" for ways in measured.far.values() for part in ways[name])]
        for name in measured.right
        if name != TODAY
    ]
    return _table(["", *(f"{kind}, {part}" for kind in measured.far for part in ("mean", "99%"))], rows)
