"""The figures of one decoder, as benchmarks/results/decoding.json keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DecoderFigures:
    """How fast a decoder is, how far its pixels are from the baseline's, and which files it handles right.

    Attributes
    ----------
    rates, rate_ratios
        Images per second, and how many times those of the baseline; by pictures and threads: "faces, 2 threads".
    cpu_ms, cpu_ratios
        Milliseconds of CPU time per image with the fewest threads, and how many times as fast as the baseline's;
        by pictures: "faces".
    pixel_differences
        Mean and 99th percentile of the absolute difference from the baseline's pixels, in levels; by pictures.
    handled
        Whether the decoder handles a kind of file right.
    """

    rates: Mapping[str, float]
    rate_ratios: Mapping[str, float]
    cpu_ms: Mapping[str, float]
    cpu_ratios: Mapping[str, float]
    pixel_differences: Mapping[str, tuple[float, float]]
    handled: Mapping[str, bool]

    @property
    def wrong(self) -> int:
        """The number of kinds of files that the decoder does not handle right."""
        return sum(not right for right in self.handled.values())


def read_decoders(content: Mapping[str, Any]) -> dict[str, DecoderFigures]:
    """Return the figures by decoder, from the content of decoding.json."""
    return {name: DecoderFigures(**figures) for name, figures in content["decoders"].items()}
