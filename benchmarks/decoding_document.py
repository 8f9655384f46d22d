"""docs/decoding.md, from what `benchmarks.decoding` measured."""

from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import Any

from benchmarks.decoders import BASELINE, IN_USE
from benchmarks.decoding_cases import TOLERANCE
from benchmarks.decoding_figures import DecoderFigures, read_decoders
from benchmarks.machine import render_hardware, render_moments, render_versions
from benchmarks.markdown_text import render_table

WIDTH = 120  # characters of a line
FASTER = 1.2  # CPU time of the decoder in use, divided by another's, from which the other counts as faster

Decoders = Mapping[str, DecoderFigures]


def render_document(content: Mapping[str, Any]) -> str:
    """Return the document, from the content of benchmarks/results/decoding.json."""
    machine, setting, decoders = content["machine"], content["setting"], read_decoders(content)
    size = setting["model_size"]
    lines = [
        "# Decoding",
        "",
        *wrap_text(
            f"A decoder turns a picture file into the pixels that a model sees, {size} x {size}. "
            "`python -m benchmarks.decoding` compares the one that the project uses with others, and writes this "
            "file. With `write` it only writes this file, from the kept results. Our rules are those of "
            "[decisions.md](decisions.md)."
        ),
        "",
        f"{render_hardware(machine)}, {render_moments([machine])}.",
        "",
        f"{render_versions(machine)}.",
        "",
        *wrap_text(describe_setting(machine, setting, decoders)),
        "",
        "## Which decoder is used, and why",
        "",
        *render_verdicts(decoders),
        "",
        *render_speed(decoders),
        "",
        "## Which files are handled right",
        "",
        *wrap_text(
            "The files show drawn pictures whose pixels are known. A decoder is right if its pixels differ from them "
            f"by at most {TOLERANCE:.0f} of 255 levels on average, or if it refuses a file that must be refused. "
            "The tests of the decoder in use are stricter."
        ),
        "",
        *render_handled(decoders),
        "",
        f'## How far the pixels are from those of "{BASELINE}"',
        "",
        "Mean and 99th percentile of the absolute difference, in levels of 255:",
        "",
        *render_pixel_differences(decoders),
        "",
    ]
    return "\n".join(lines)


def wrap_text(text: str, indent: str = "") -> list[str]:
    """Break a paragraph into lines."""
    return wrap(text, WIDTH, subsequent_indent=indent)


def describe_setting(machine: Mapping[str, Any], setting: Mapping[str, Any], decoders: Decoders) -> str:
    """Describe the pictures and the rounds, and what limits the figures."""
    text = (
        f"Faces: {setting['faces']} files of the data folder, {setting['face_size']} pixels. Photographs: "
        f"{setting['photographs']} of {setting['photograph_size']} pixels, {setting['photograph_megabytes']:.1f} MB "
        "each, enlarged from faces, with added grain. Figures are medians of "
        f"{setting['rounds']} rounds in which the decoders take turns."
    )
    if tuple(decoders[IN_USE].pixel_differences["faces"]) == (0.0, 0.0):  # the faces are too small to be scaled
        text += (
            " On faces the first two decoders do exactly the same work, so the difference between their figures is the "
            "noise of this measurement."
        )
    if machine["load"] > 1:
        text += " Other programs ran at the same time, so the rates are too low, above all those of two threads."
    return text


def render_verdicts(decoders: Decoders) -> list[str]:
    """Return a list item per decoder: how fast it is, what it gets wrong, and why it is used or not."""
    lines = wrap_text(f'The project uses "{IN_USE}", with Pillow in threads. In CPU time, compared with "{BASELINE}":')
    lines.append("")
    for name, figures in decoders.items():
        if name != BASELINE:
            speeds = " and ".join(f"{ratio:.1f} times as fast on {kind}" for kind, ratio in figures.cpu_ratios.items())
            lines += wrap_text(f"- {name}: {speeds}; {_judge(name, decoders)}", indent="  ")
    return lines


def _judge(name: str, decoders: Decoders) -> str:
    figures, in_use = decoders[name], decoders[IN_USE]
    if figures.wrong:
        return f"wrong for {figures.wrong} of {len(figures.handled)} kinds of files."
    right = "right for all kinds of files."
    if name == IN_USE:
        return (
            f"{right} It changes only the pixels of large pictures, those whose shorter side is at least four times "
            f"the model's, by {figures.pixel_differences['photographs'][0]:.2f} levels on average. This is the decoder "
            "in use."
        )
    if all(in_use.cpu_ms[kind] / figures.cpu_ms[kind] < FASTER for kind in figures.cpu_ms):
        return f"{right} It is not faster than the decoder in use."
    saved = in_use.cpu_ms["faces"] - figures.cpu_ms["faces"]
    return (
        f"{right} Not used: it would save {saved:.1f} ms per face, for one more compiled dependency and a second "
        "decoder for the same files."
    )


def render_speed(decoders: Decoders) -> list[str]:
    """Return the tables of speed: ratios to the baseline, then images per second and CPU time."""
    first = decoders[BASELINE]
    ratios = [
        [name, *(f"{ratio:.2f}x" for ratio in [*figures.rate_ratios.values(), *figures.cpu_ratios.values()])]
        for name, figures in decoders.items()
    ]
    values = [
        [
            name,
            *(f"{rate:.{0 if rate >= 100 else 1}f}" for rate in figures.rates.values()),
            *(f"{milliseconds:.2f}" for milliseconds in figures.cpu_ms.values()),
        ]
        for name, figures in decoders.items()
    ]
    return [
        "## Speed",
        "",
        *wrap_text(
            f'How many times as fast as "{BASELINE}"; more is faster. Columns with threads compare images per second. '
            "CPU columns compare CPU time with one thread, which other programs change less."
        ),
        "",
        *render_table(["", *first.rate_ratios, *(f"{kind}, CPU" for kind in first.cpu_ratios)], ratios),
        "",
        "Images per second, and milliseconds of CPU time per image with one thread:",
        "",
        *render_table(["", *first.rates, *(f"{kind}, ms" for kind in first.cpu_ms)], values),
    ]


def render_handled(decoders: Decoders) -> list[str]:
    """Return the table of what each decoder handles right: a row per kind of file."""
    rows: Iterable[list[str]] = (
        [kind, *("yes" if figures.handled[kind] else "no" for figures in decoders.values())]
        for kind in decoders[BASELINE].handled
    )
    return render_table(["", *decoders], rows)


def render_pixel_differences(decoders: Decoders) -> list[str]:
    """Return the table of pixel differences: a row per decoder except the baseline."""
    head = [f"{kind}, {part}" for kind in decoders[BASELINE].pixel_differences for part in ("mean", "99%")]
    rows = [
        [name, *(f"{value:.2f}" for values in figures.pixel_differences.values() for value in values)]
        for name, figures in decoders.items()
        if name != BASELINE
    ]
    return render_table(["", *head], rows)
