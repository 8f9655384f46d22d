"""The table of `benchmarks.gpu`, for the terminal and for docs/benchmarks.md: ratios first."""

from typing import Any

HEAD = [
    "| | batch | mixed over float32 | float32, images/s | mixed, images/s |",
    "|---|---|---|---|---|",
]


def table(content: dict[str, Any] | None) -> list[str]:
    """Lines of Markdown; without content, the empty table, which says why."""
    if content is None:
        return [
            "Not measured: no NVIDIA GPU was within reach. `python -m benchmarks.gpu` measures on one.",
            "",
            *HEAD,
        ]
    here = content["machine"]
    return [
        f"{', '.join(content['devices'])}; {content['network']}; {here['date']}.",
        "",
        f"{here['processor']}, {here['cores']} cores, TensorFlow {here['tensorflow']}, Keras {here['keras']}.",
        "",
        *HEAD,
        *(
            f"| {row['work']} | {row['batch_size']} | {row['mixed'] / row['float32']:.2f}x "
            f"| {row['float32']:,.0f} | {row['mixed']:,.0f} |"
            for row in content["rows"]
        ),
    ]
