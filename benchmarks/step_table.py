"""The table of `benchmarks.step`, in a module of its own because the document needs no TensorFlow."""

from typing import Any

from benchmarks.machine import render_hardware, render_moments
from benchmarks.markdown_text import render_table

ROWS = {
    "limit": "the step's arithmetic, at the rate of one large matrix product",
    "products": "the matrix products of the 1x1 convolutions alone, forward and gradients, in their real shapes",
    "depthwise": "the depthwise convolutions alone, forward and gradients",
    "forward": "forward",
    "forward and gradients": "forward and gradients",
    "update": "the optimizer's update",
    "step": "the whole step",
    "fit": "a step of `fit` on batches that are ready in memory",
}
BUSY = 0.5  # load per core above which other programs took their share of the wall time


def render(content: dict[str, Any] | None) -> list[str]:
    """Return a row per workload; without content, how to measure."""
    if content is None:
        return ["Not run yet. `python -m benchmarks.step` measures it in a folder where a run has left its features."]
    machine, times = content["machine"], content["milliseconds"]
    images = 1000 * content["batch_size"] / times["step"]["wall"]
    wall, cpu = (times["limit"][kind] / times["step"][kind] for kind in ("wall", "cpu"))
    shares = f"{cpu:.2f} of the step's CPU time and {wall:.2f} of its wall time, at {images:.0f} images/s."
    if machine["load"] > BUSY * machine["cores"]:
        shares = f"{cpu:.2f} of the step's CPU time. Other programs ran, so ignore the wall times."
    limit = times["limit"]["cpu"]
    rows = [
        [text, f"{times[name]['cpu']:.1f}", f"{times[name]['cpu'] / limit:.2f}", f"{times[name]['wall']:.1f}"]
        for name, text in ROWS.items()
    ]
    where = f"{render_hardware(machine)}, {render_moments([machine])}"
    return [
        f"`python -m benchmarks.step`: {where}, tensorflow {machine['tensorflow']}.",
        "",
        f"{content['batch_size']} images and {content['operations'] / 1e9:.2f} GFLOP per step.",
        f"The arithmetic alone takes {shares}",
        "",
        *render_table(["", "ms, CPU", "divided by the arithmetic", "ms, wall"], rows),
    ]
