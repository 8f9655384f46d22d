"""What the figures of the variants say about each default: paired differences, costs, and a verdict in words."""

import math
from dataclasses import dataclass
from typing import Any

from benchmarks.choice_variants import Choice
from benchmarks.markdown_text import NOT_RUN
from facegender.evaluation.compare import mcnemar
from facegender.statistics.intervals import Z95

Results = dict[str, dict[str, Any]]

CHEAPER = 0.9  # share of the baseline's CPU time below which a variant counts as cheaper


@dataclass(frozen=True)
class Difference:
    """A variant's accuracy minus its baseline's on the same rows, in points.

    The interval is Wald's for paired proportions (Agresti 2013, 11.1.1); the p-value is McNemar's.
    """

    points: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class FeatureTime:
    """Seconds for a variant's features; `estimated` if another variant computed them."""

    wall: float
    cpu: float
    estimated: bool


def compare(variant: dict[str, Any], baseline: dict[str, Any]) -> Difference | None:
    """Return the difference of two variants, or None if they were evaluated on different rows."""
    if variant["rows"] != baseline["rows"]:
        return None
    pairs = list(zip(variant["right"], baseline["right"], strict=True))
    n, only_variant, only_baseline = len(pairs), pairs.count(("1", "0")), pairs.count(("0", "1"))
    gain = (only_variant - only_baseline) / n
    half = Z95 * math.sqrt(max(0.0, (only_variant + only_baseline) / n - gain**2) / n)
    p_value = mcnemar(only_variant, only_baseline)
    return Difference(100 * gain, 100 * (gain - half), 100 * (gain + half), p_value)


def estimate_feature_time(features: dict[str, Any]) -> FeatureTime:
    """Return the time for a variant's features, estimated by forward passes if another variant computed them."""
    there = features["there"]
    if there is None:
        return FeatureTime(features["seconds"], features["cpu_seconds"], estimated=False)
    share = features["passes"] / there["passes"]
    return FeatureTime(there["seconds"] * share, there["cpu_seconds"] * share, estimated=True)


def sum_cpu_seconds(variant: dict[str, Any], results: Results) -> float:
    """Return the CPU time of a variant's features and of the training of its model."""
    source = variant["train"].get("of")
    training = results[source]["train"] if source in results else variant["train"]
    return float(estimate_feature_time(variant["features"]).cpu + training["cpu_seconds"])


def judge_choice(choice: Choice, results: Results) -> str:
    """Say whether the variants support or contradict a default, or whether the specification fixes it."""
    missing = [name for name in choice.variants if name not in results]
    parts = ["fixed by the specification"] if choice.fixed else []
    if choice.baseline not in results or len(missing) == len(choice.variants):
        return "; ".join([*parts, NOT_RUN])
    baseline = results[choice.baseline]
    differences = {
        name: difference
        for name in choice.variants
        if name in results and (difference := compare(results[name], baseline))
    }
    shares = {
        name: sum_cpu_seconds(results[name], results) / sum_cpu_seconds(baseline, results) for name in differences
    }
    better = [name for name, difference in differences.items() if difference.low > 0]
    if better:
        best = max(better, key=lambda name: differences[name].points)
        parts.append(f"contradicted: {_describe_better(best, differences[best], shares[best])}")
    else:
        parts += _describe_supported(differences, shares)
    return "; ".join([*parts, *([f"{NOT_RUN}: {', '.join(missing)}"] if missing else [])])


def _describe_better(name: str, difference: Difference, share: float) -> str:
    interval = f"{difference.low:+.1f} to {difference.high:+.1f}"
    return f"{name} is better by {difference.points:.1f} points ({interval}) at {share:.1f} times the CPU time"


def _describe_supported(differences: dict[str, Difference], shares: dict[str, float]) -> list[str]:
    worse = [name for name, difference in differences.items() if difference.high < 0]
    alike = [name for name in differences if name not in worse]
    cheaper = [f"{name} at {shares[name]:.2f} times the CPU time" for name in alike if shares[name] < CHEAPER]
    parts = {"worse": worse, "within chance": alike, "cheaper of these": cheaper}
    return [f"{what}: {', '.join(names)}" for what, names in parts.items() if names]
