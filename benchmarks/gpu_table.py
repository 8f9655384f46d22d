"""The table of `benchmarks.gpu`, for the terminal and for docs/benchmarks.md."""

from typing import Any

from benchmarks.machine import render_hardware
from benchmarks.markdown_text import render_table

HEAD = ["", "batch", "mixed divided by float32", "float32, images/s", "mixed, images/s"]


def render(content: dict[str, Any] | None) -> list[str]:
    """Return a row per work and batch size; without content, an empty table and the reason."""
    if content is None:
        reason = "Not measured: no NVIDIA GPU was available. `python -m benchmarks.gpu` measures on one."
        return [reason, "", *render_table(HEAD, [])]
    machine = content["machine"]
    rows = [
        [
            row["work"],
            f"{row['batch_size']}",
            f"{row['mixed'] / row['float32']:.2f}x",
            f"{row['float32']:,.0f}",
            f"{row['mixed']:,.0f}",
        ]
        for row in content["rows"]
    ]
    return [
        f"{', '.join(content['devices'])}; {content['network']}; {machine['date']}.",
        "",
        f"{render_hardware(machine)}, TensorFlow {machine['tensorflow']}, Keras {machine['keras']}.",
        "",
        *render_table(HEAD, rows),
    ]
