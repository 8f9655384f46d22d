"""The table of `benchmarks.step`, apart from it because the document needs no TensorFlow."""

from typing import Any

ROWS = {
    "limit": "the step's arithmetic, at the rate of one large matrix product",
    "products": "the 1x1 convolutions' matrix products alone, forward and gradients, in their shapes",
    "depthwise": "the depthwise convolutions alone, forward and gradients",
    "forward": "forward",
    "forward and gradients": "forward and gradients",
    "update": "the optimizer's update",
    "step": "the whole step",
    "fit": "a step of `fit` on ready batches",
}
QUIET = 0.5  # load a core, above which other programs had their share of the clock


def table(content: dict[str, Any] | None) -> list[str]:
    """A row a work; where nothing was measured, how to."""
    if content is None:
        return ["Not run yet. `python -m benchmarks.step` measures it where a run has left its features."]
    here, found = content["machine"], content["milliseconds"]
    images = 1000 * content["batch_size"] / found["step"]["wall"]
    wall, processor = (found["limit"][kind] / found["step"][kind] for kind in ("wall", "processor"))
    where = f"{here['processor']}, {here['cores']} cores, load {here['load']} at the start, {here['date']}"
    by_clock = f"By the clock it is {wall:.2f}, at {images:.0f} images/s."
    if here["load"] > QUIET * here["cores"]:
        by_clock = "Other programs ran: the wall times are not to go by."
    lines = [
        f"`python -m benchmarks.step`: {where}, tensorflow {here['tensorflow']}.",
        "",
        f"{content['batch_size']} images and {content['operations'] / 1e9:.2f} GFLOP a step.",
        f"The limit of arithmetic is {processor:.2f} of the step's processor time. {by_clock}",
        "",
        "| | ms, processor | over the limit | ms, wall |",
        "|---|---|---|---|",
    ]
    limit = found["limit"]["processor"]
    for name, told in ROWS.items():
        took = found[name]
        lines.append(f"| {told} | {took['processor']:.1f} | {took['processor'] / limit:.2f} | {took['wall']:.1f} |")
    return lines
