"""Drawings to pretrain on, and their targets: every trait that was drawn, except the family.

The proportions that differ between the families are among the targets, so the backbone learns to see them. It never
learns which proportions define a family, nor which family a drawing belongs to.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Final

import numpy as np
import numpy.typing as npt

from facegender.demo import traits as options
from facegender.demo.portrait import paint
from facegender.demo.traits import PROPORTIONS, Traits, sample_traits
from facegender.runtime.progress import track

CHUNK: Final = 50
PROPORTION_WEIGHT: Final = 4.0  # loss weight: proportions are the finest details and would be learnt last
MIRRORED: Final = ("x", "tilt", "yaw", "parting", "light_across")  # change sign if the picture is mirrored
CHOICES: Final = {
    "background": options.BACKGROUNDS,
    "style": options.STYLES,
    "hair": options.HAIRS,
    "eyes": options.EYES,
    "nose": options.NOSES,
    "mouth": options.MOUTHS,
    "headwear": options.HEADWEAR,
}


@dataclass(frozen=True)
class Material:
    """Drawings with their targets.

    Attributes
    ----------
    pixels
        uint8 (n, side, side, 3).
    targets
        float32 (n, t), standardised.
    weights
        float32 (t,), weight of each target in the loss.
    mirror
        float32 (t,), -1 where a target changes sign if the picture is mirrored, else 1.
    """

    pixels: npt.NDArray[np.uint8]
    targets: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    mirror: npt.NDArray[np.float32]


def draw_material(count: int, side: int, seed: int, workers: int = 2) -> Material:
    """Draw `count` portraits of `side` x `side` pixels, half of each family, in child processes."""
    pixels = np.empty((count, side, side, 3), np.uint8)
    rows: list[dict[str, float]] = []
    chunks = [range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    with (
        track(f"drawings of {side} px", count, "drawings") as advance,
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,  # TensorFlow breaks after a fork
    ):
        for chunk, (drawn, targets) in zip(chunks, pool.map(partial(_draw_chunk, side, seed), chunks), strict=True):
            pixels[chunk.start : chunk.stop] = drawn
            rows.extend(targets)
            advance(len(chunk))
    names = list(rows[0])
    values = np.array([[row[name] for name in names] for row in rows])
    standardised = (values - values.mean(axis=0)) / values.std(axis=0)
    return Material(
        pixels,
        standardised.astype(np.float32),
        np.array([PROPORTION_WEIGHT if name in PROPORTIONS else 1.0 for name in names], np.float32),
        np.array([-1.0 if name in MIRRORED else 1.0 for name in names], np.float32),
    )


def list_targets(traits: Traits) -> dict[str, float]:
    """List a drawing's targets by name: proportions, pose, light, colours, and one-hot choices (hair, eyes, …)."""
    targets = dict(zip(PROPORTIONS, traits.proportions, strict=True))
    for name in (
        "taper",
        "roundness",
        "size",
        "x",
        "y",
        "tilt",
        "yaw",
        "smile",
        "parting",
        "glasses",
        "scarf",
        "freckles",
    ):
        targets[name] = float(getattr(traits, name))
    targets["light_across"] = float(traits.light * np.cos(traits.light_angle))
    targets["light_down"] = float(traits.light * np.sin(traits.light_angle))
    for name in ("skin", "paper", "cloth"):
        targets |= {
            f"{name}_{channel}": float(value) for channel, value in zip("rgb", getattr(traits, name), strict=True)
        }
    for name, choices in CHOICES.items():
        targets |= {f"{name}_{choice}": float(getattr(traits, name) == choice) for choice in choices}
    return targets


def _draw_chunk(side: int, seed: int, numbers: Sequence[int]) -> tuple[npt.NDArray[np.uint8], list[dict[str, float]]]:
    portraits = [sample_traits(number % 2, np.random.default_rng([seed, side, number])) for number in numbers]
    return np.stack([np.asarray(paint(traits, side, side)) for traits in portraits]), [
        list_targets(t) for t in portraits
    ]
