"""The traits of a drawn portrait, as numbers: the proportions that distinguish the two families, and everything else.

The two classes of the demo are two families of drawings, nothing more. Five proportions of the drawn face are normally
distributed in both families, with equal spread and slightly different means, so the families overlap. The best possible
classifier, which knows the proportions exactly, is right for about 94 of 100 drawings (`BEST_ACCURACY`). Nothing else
in a drawing (colours, hair, hats, pose, light, line, paper, noise) depends on the family.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

# proportion: (mean over both families, standard deviation within a family, half the distance between the families'
# means, in standard deviations). Large enough to be visible at 224 pixels: one standard deviation is 4 to 7 pixels.
PROPORTIONS: Final = {
    "elongation": (1.25, 0.11, 0.45),  # face height / width
    "eye_spacing": (0.46, 0.075, 0.85),  # in half-widths of the face, from the centre to a pupil
    "eye_height": (0.10, 0.075, -0.60),  # in half-heights of the face, above the centre
    "nose_length": (0.40, 0.085, 0.75),  # in half-heights, below the eyes
    "mouth_width": (0.40, 0.085, -0.70),  # in half-widths, from the centre to a corner
}
LIMIT: Final = 2.4  # standard deviations; beyond it noses reach the chin

# With equal spread and equal shares the best classifier is linear (Fisher's discriminant). It is wrong with the
# probability that a standard normal variable exceeds the length of the vector of half-distances.
BEST_ACCURACY: Final = NormalDist().cdf(sum(half**2 for _, _, half in PROPORTIONS.values()) ** 0.5)

BACKGROUNDS: Final = ("split", "gradient", "dots", "stripes", "halo")
STYLES: Final = ("flat", "ink", "pastel")
HAIRS: Final = ("none", "short", "bob", "bun", "curly", "long", "tuft")
EYES: Final = ("dot", "oval", "round")
NOSES: Final = ("line", "wedge", "button")
MOUTHS: Final = ("smile", "open", "line")
HEADWEAR: Final = ("none", "cap", "beanie", "headphones")

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Traits:
    """One portrait. Lengths are in half-widths or half-heights of the face, positions in fractions of the side."""

    family: int
    proportions: tuple[float, ...]  # in the order of PROPORTIONS
    background: str
    style: str
    hair: str
    eyes: str
    nose: str
    mouth: str
    headwear: str
    glasses: bool
    scarf: bool
    freckles: bool
    skin: Colour
    hair_colour: Colour
    cloth: Colour
    accent: Colour
    paper: Colour
    paper_2: Colour
    taper: float  # fraction by which the face narrows towards the chin
    roundness: float  # exponent of the face's outline; 2 is an ellipse
    size: float  # geometric mean of the face's half-axes
    x: float
    y: float
    tilt: float  # radians
    yaw: float  # -1 to 1
    smile: float
    parting: float
    brow: float
    line: float  # line width, as a fraction of the side
    spot: tuple[float, float, float]  # of the background: x, y, radius or distance; fractions of the side
    light: float  # strength of the gradient of light
    light_angle: float  # radians
    noise: float  # standard deviation of the grain, in grey levels
    noise_seed: int

    @property
    def evidence(self) -> float:
        """Evidence for family 1, computed from the exact proportions; its sign is the best possible classifier."""
        terms = zip(self.proportions, PROPORTIONS.values(), strict=True)
        return sum(half * (value - mean) / deviation for value, (mean, deviation, half) in terms)


def sample_traits(family: int, rng: np.random.Generator) -> Traits:
    """Sample the traits of one portrait of family 0 or 1."""
    side = 1.0 if family else -1.0
    proportions = tuple(
        float(mean + deviation * np.clip(side * half + rng.standard_normal(), -LIMIT, LIMIT))
        for mean, deviation, half in PROPORTIONS.values()
    )
    hue = float(rng.random())
    shade = float(rng.choice((-1, 1)) * rng.uniform(0.06, 0.22))
    paper_light = float(rng.uniform(0.3, 0.88))
    return Traits(
        family=family,
        proportions=proportions,
        background=_choose(BACKGROUNDS, rng),
        style=_choose(STYLES, rng),
        hair=_choose(HAIRS, rng),
        eyes=_choose(EYES, rng),
        nose=_choose(NOSES, rng),
        mouth=_choose(MOUTHS, rng),
        headwear=str(rng.choice(HEADWEAR, p=(0.64, 0.12, 0.12, 0.12))),
        glasses=bool(rng.random() < 0.2),
        scarf=bool(rng.random() < 0.25),
        freckles=bool(rng.random() < 0.2),
        skin=_sample_skin(rng),
        hair_colour=_sample_hair_colour(rng),
        cloth=hsl_to_rgb(float(rng.random()), rng.uniform(0.3, 0.65), rng.uniform(0.3, 0.7)),
        accent=hsl_to_rgb(float(rng.random()), rng.uniform(0.5, 0.8), rng.uniform(0.4, 0.65)),
        paper=hsl_to_rgb(hue, rng.uniform(0.2, 0.6), paper_light),
        paper_2=hsl_to_rgb(
            hue + rng.uniform(-0.12, 0.12), rng.uniform(0.2, 0.6), np.clip(paper_light + shade, 0.3, 0.93)
        ),
        taper=float(rng.uniform(0.05, 0.32)),
        roundness=float(rng.uniform(2.0, 2.7)),
        size=float(rng.uniform(0.21, 0.28)),
        x=float(rng.uniform(0.41, 0.59)),
        y=float(rng.uniform(0.43, 0.55)),
        tilt=float(np.clip(rng.normal(0, 0.09), -0.25, 0.25)),
        yaw=float(rng.uniform(-1, 1)),
        smile=float(rng.uniform(0.05, 0.28)),
        parting=float(rng.uniform(-0.6, 0.6)),
        brow=float(rng.uniform(0.8, 1.25)),
        line=float(rng.uniform(0.006, 0.014)),
        spot=(float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.05, 0.75)), float(rng.uniform(0.2, 0.5))),
        light=float(rng.uniform(0.0, 0.28)),
        light_angle=float(rng.uniform(0, 2 * np.pi)),
        noise=float(rng.uniform(0, 7)),
        noise_seed=int(rng.integers(2**31)),
    )


def hsl_to_rgb(hue: float, saturation: float, lightness: float) -> Colour:
    """Convert hue (in turns, any number), saturation and lightness (0 to 1) to RGB (0 to 255).

    Examples
    --------
    >>> hsl_to_rgb(1 / 3, 1.0, 0.5)
    (0, 255, 0)
    """
    chroma = (1 - abs(2 * lightness - 1)) * saturation
    offsets = (0.0, 8.0, 4.0)
    channels = []
    for offset in offsets:
        k = (offset + hue * 12) % 12
        channels.append(round(255 * (lightness - chroma / 2 * max(-1.0, min(k - 3, 9 - k, 1.0)))))
    return channels[0], channels[1], channels[2]


def _choose(names: tuple[str, ...], rng: np.random.Generator) -> str:
    return names[int(rng.integers(len(names)))]


def _sample_skin(rng: np.random.Generator) -> Colour:
    if rng.random() < 0.35:  # any hue: these are drawings, not people
        return hsl_to_rgb(float(rng.random()), rng.uniform(0.3, 0.55), rng.uniform(0.5, 0.78))
    lightness = rng.uniform(0.32, 0.84)
    return hsl_to_rgb(rng.uniform(0.045, 0.085), rng.uniform(0.3, 0.52), lightness)


def _sample_hair_colour(rng: np.random.Generator) -> Colour:
    if rng.random() < 0.3:
        return hsl_to_rgb(float(rng.random()), rng.uniform(0.35, 0.6), rng.uniform(0.3, 0.6))
    return hsl_to_rgb(rng.uniform(0.03, 0.11), rng.uniform(0.1, 0.6), rng.uniform(0.1, 0.55))
