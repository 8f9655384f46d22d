"""What is behind a portrait, and the light and grain over all of it."""

import numpy as np
from PIL import Image

from facegender.demo.pencil import Pencil
from facegender.demo.traits import Traits


def paint_backdrop(pencil: Pencil) -> None:
    """Fill the picture behind the portrait."""
    traits, draw = pencil.traits, pencil.draw
    width, height = pencil.picture.size
    step = pencil.side // 9
    if traits.background == "gradient":
        rows = np.linspace(0, 1, 64)[:, None, None]
        ramp = np.rint(
            (1 - rows) * np.array(traits.paper) + rows * np.array(traits.paper_2)
        ).astype(np.uint8)
        pencil.picture.paste(
            Image.fromarray(ramp).resize((width, height), Image.Resampling.BILINEAR)
        )
    elif traits.background == "dots":
        r = step // 4
        for row, y in enumerate(range(0, height + step, step)):
            for x in range((row % 2) * step // 2, width + step, step):
                draw.ellipse((x - r, y - r, x + r, y + r), fill=traits.paper_2)
    elif traits.background == "stripes":
        lean = round(height * np.sin(traits.light_angle) / 2)
        for x in range(-height, width + height, 2 * step):
            draw.polygon(
                [(x, 0), (x + step, 0), (x + step + lean, height), (x + lean, height)],
                fill=traits.paper_2,
            )
    elif traits.background == "halo":
        r = round(0.42 * pencil.side)
        x, y = round(width / 2), round(height * 0.47)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=traits.paper_2)


def shade(picture: Image.Image, traits: Traits) -> Image.Image:
    """Light that falls off across the picture, and grain."""
    across = np.linspace(-1, 1, picture.width, dtype=np.float32)[None, :] * np.float32(
        np.cos(traits.light_angle)
    )
    down = np.linspace(-1, 1, picture.height, dtype=np.float32)[:, None] * np.float32(
        np.sin(traits.light_angle)
    )
    lit = (
        np.asarray(picture, dtype=np.float32)
        * (1 + np.float32(traits.light) * (across + down))[:, :, None]
    )
    grain = np.random.default_rng(traits.noise_seed).integers(
        -100, 101, (picture.height, picture.width), dtype=np.int8
    )
    lit += (grain.astype(np.float32) * np.float32(traits.noise / 58))[
        :, :, None
    ]  # uniform on ±1 has deviation 0.58
    return Image.fromarray(np.clip(np.rint(lit), 0, 255).astype(np.uint8))
