"""The background of a portrait, and the light and grain over the whole picture."""

import numpy as np
from PIL import Image

from facegender.demo.pencil import Pencil
from facegender.demo.traits import Traits


def paint_backdrop(pencil: Pencil) -> None:
    """Paint the background."""
    traits, draw = pencil.traits, pencil.draw
    width, height = pencil.picture.size
    step = pencil.side // 9
    across, down, extent = traits.spot
    if traits.background == "gradient":
        angle = 2 * np.pi * across
        y, x = np.mgrid[-1:1:64j, -1:1:64j]
        share = (0.5 + 0.36 * (x * np.cos(angle) + y * np.sin(angle)))[:, :, None]
        ramp = np.clip(np.rint((1 - share) * np.array(traits.paper) + share * np.array(traits.paper_2)), 0, 255)
        soft = Image.fromarray(ramp.astype(np.uint8)).resize((width, height), Image.Resampling.BILINEAR)
        pencil.picture.paste(soft)
    elif traits.background == "split":
        left, right = (round(height * down), round(height * (down + extent * np.sign(across - 0.5))))
        draw.polygon([(0, left), (width, right), (width, height), (0, height)], fill=traits.paper_2)
    elif traits.background == "dots":
        r = step // 4
        for row, y in enumerate(range(0, height + step, step)):
            for x in range((row % 2) * step // 2, width + step, step):
                draw.ellipse((x - r, y - r, x + r, y + r), fill=traits.paper_2)
    elif traits.background == "stripes":
        lean = round(height * np.sin(traits.light_angle) / 2)
        for x in range(-height, width + height, 2 * step):
            draw.polygon([(x, 0), (x + step, 0), (x + step + lean, height), (x + lean, height)], fill=traits.paper_2)
    elif traits.background == "halo":
        r = round(extent * pencil.side)
        x, y = round(across * width), round(down * height)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=traits.paper_2)


def add_light_and_grain(picture: Image.Image, traits: Traits) -> Image.Image:
    """Apply a gradient of light across the picture, then add grain."""
    across = np.linspace(-1, 1, picture.width, dtype=np.float32)[None, :] * np.float32(np.cos(traits.light_angle))
    down = np.linspace(-1, 1, picture.height, dtype=np.float32)[:, None] * np.float32(np.sin(traits.light_angle))
    lit = np.asarray(picture, dtype=np.float32) * (1 + np.float32(traits.light) * (across + down))[:, :, None]
    grain = np.random.default_rng(traits.noise_seed).integers(-100, 101, (picture.height, picture.width), dtype=np.int8)
    lit += (grain.astype(np.float32) * np.float32(traits.noise / 58))[
        :, :, None
    ]  # a uniform distribution on ±1 has standard deviation 0.58
    return Image.fromarray(np.clip(np.rint(lit), 0, 255).astype(np.uint8))
