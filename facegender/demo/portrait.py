"""Paint a portrait from its traits: shapes from back to front, supersampled, then reduced to the wanted size."""

import numpy as np
from PIL import Image

from facegender.demo.backdrop import add_light_and_grain, paint_backdrop
from facegender.demo.hair import paint_hair_behind, paint_hair_in_front, paint_headwear
from facegender.demo.pencil import INK, SUPERSAMPLING, Pencil, ellipse, mix, outline
from facegender.demo.traits import Traits


def paint(traits: Traits, width: int, height: int) -> Image.Image:
    """Paint a portrait as an RGB picture of `width` x `height` pixels; equal traits and sizes give equal pixels."""
    pencil = Pencil(traits, width, height)
    paint_backdrop(pencil)
    paint_hair_behind(pencil)
    _paint_shoulders(pencil)
    _paint_head(pencil)
    _paint_features(pencil)
    paint_hair_in_front(pencil)
    paint_headwear(pencil)
    _paint_glasses(pencil)
    return add_light_and_grain(pencil.picture.reduce(SUPERSAMPLING), traits)


def _paint_shoulders(pencil: Pencil) -> None:
    traits = pencil.traits
    neck = np.array([[-0.42, 0.5], [0.42, 0.5], [0.46, 1.35], [-0.46, 1.35]])
    pencil.draw_shape(neck, mix(traits.skin, (40, 20, 40), 0.18))
    body = np.concatenate([ellipse(0, 2.25, 1.75, 1.02, np.pi, 2 * np.pi), [[1.9, 4.0], [-1.9, 4.0]]])
    pencil.draw_shape(body, traits.cloth)
    collar = ellipse(0, 1.25, 0.52, 0.16)
    if traits.scarf:
        pencil.draw_shape(ellipse(0, 1.24, 0.72, 0.24), traits.accent)
        tail = np.array([[0.25, 1.3], [0.6, 1.25], [0.68, 2.0], [0.34, 2.05]])
        pencil.draw_shape(tail, mix(traits.accent, (255, 255, 255), 0.15))
    else:
        pencil.draw.polygon(pencil.to_pixels(collar), fill=mix(traits.skin, (40, 20, 40), 0.18))


def _paint_head(pencil: Pencil) -> None:
    traits = pencil.traits
    for side in (-1, 1):
        x = side * 0.99 - pencil.parallax(0.06)
        pencil.draw_shape(pencil.circle_outline(x, 0.05, 0.19, 1.45), mix(traits.skin, (60, 20, 40), 0.1))
    pencil.draw_shape(outline(traits), traits.skin)


def _paint_features(pencil: Pencil) -> None:
    traits, proportion = pencil.traits, pencil.proportion
    turned = pencil.parallax(0.13)
    eye_y = -proportion["eye_height"]
    nose_y = eye_y + proportion["nose_length"]
    mouth_y = nose_y + 0.46 * (0.92 - nose_y)
    blush = mix(traits.skin, (225, 80, 80), 0.28)
    for side in (-1, 1):
        pencil.draw.polygon(
            pencil.to_pixels(pencil.circle_outline(turned + side * 0.62, nose_y + 0.04, 0.17, 0.7)), fill=blush
        )
        _paint_eye(pencil, turned + side * proportion["eye_spacing"], eye_y, side)
    if traits.freckles:
        dark = mix(traits.skin, (90, 40, 20), 0.4)
        for x, y in ((-0.2, 0.02), (-0.33, 0.05), (-0.26, 0.1), (0.2, 0.02), (0.33, 0.05), (0.26, 0.1)):
            pencil.draw_circle(turned + 1.3 * x, nose_y - 0.1 + y, 0.022, dark)
    _paint_nose(pencil, eye_y, nose_y)
    _paint_mouth(pencil, turned, mouth_y)


def _paint_eye(pencil: Pencil, x: float, y: float, side: int) -> None:
    traits = pencil.traits
    gaze = pencil.parallax(0.03)
    if traits.eyes == "dot":
        pencil.draw_circle(x, y, 0.085, INK)
        pencil.draw_circle(x + 0.025, y - 0.02, 0.025, (255, 255, 255))
    else:
        pencil.draw_shape(pencil.circle_outline(x, y, 0.165, 1.0 if traits.eyes == "round" else 0.68), (250, 249, 245))
        pencil.draw_circle(x + gaze, y, 0.1, mix(traits.accent, INK, 0.35))
        pencil.draw_circle(x + gaze, y, 0.055, INK)
        pencil.draw_circle(x + gaze + 0.03, y - 0.025, 0.025, (255, 255, 255))
    brow = ellipse(x + 0.02 * side, y - 0.1 * traits.brow, 0.2, 0.09, 1.2 * np.pi, 1.8 * np.pi)
    colour = mix(traits.hair_colour, INK, 0.4)
    pencil.draw_line(brow, colour, 1.5)


def _paint_nose(pencil: Pencil, eye_y: float, nose_y: float) -> None:
    traits = pencil.traits
    dark = mix(traits.skin, (70, 20, 30), 0.4)
    top, tip = pencil.parallax(0.14), pencil.parallax(0.2)
    if traits.nose == "line":
        side = 1 if traits.yaw > 0 else -1
        bridge = [[top + 0.02 * side, eye_y + 0.06], [tip + 0.1 * side, nose_y - 0.03], [tip - 0.06 * side, nose_y]]
        pencil.draw_line(np.array(bridge), dark)
    elif traits.nose == "wedge":
        wedge = np.array(
            [[top, eye_y + 0.05], [tip + 0.13, nose_y - 0.02], [tip, nose_y + 0.015], [tip - 0.13, nose_y - 0.02]]
        )
        pencil.draw.polygon(pencil.to_pixels(wedge), fill=mix(traits.skin, (70, 20, 30), 0.22))
    else:
        pencil.draw.polygon(
            pencil.to_pixels(pencil.circle_outline(tip, nose_y - 0.06, 0.13, 0.85)),
            fill=mix(traits.skin, (200, 60, 60), 0.3),
        )
        pencil.draw_circle(tip + 0.03, nose_y - 0.09, 0.03, mix(traits.skin, (255, 255, 255), 0.5))


def _paint_mouth(pencil: Pencil, x: float, y: float) -> None:
    traits = pencil.traits
    half = pencil.proportion["mouth_width"]
    depth = traits.smile * half
    lips = (150, 50, 60)
    if traits.mouth == "smile":
        pencil.draw_line(
            ellipse(x, y - 0.3 * depth, half, depth, 0.04 * np.pi, 0.96 * np.pi), mix(lips, INK, 0.35), 1.2
        )
    elif traits.mouth == "open":
        pencil.draw_shape(ellipse(x, y - 0.4 * depth, half, depth + 0.07, 0, np.pi), mix(lips, INK, 0.45))
        pencil.draw.polygon(
            pencil.to_pixels(ellipse(x, y - 0.4 * depth, 0.82 * half, 0.4 * depth + 0.02, 0, np.pi)),
            fill=(250, 248, 240),
        )
    else:
        pencil.draw_line(np.array([[x - half, y], [x, y + 0.2 * depth], [x + half, y]]), mix(lips, INK, 0.35), 1.2)


def _paint_glasses(pencil: Pencil) -> None:
    traits, proportion = pencil.traits, pencil.proportion
    if not traits.glasses:
        return
    frame = mix(traits.accent, INK, 0.6)
    turned, y = pencil.parallax(0.13), -proportion["eye_height"]
    radius = 0.27
    for side in (-1, 1):
        x = turned + side * proportion["eye_spacing"]
        rim = pencil.circle_outline(x, y, radius, 0.92)
        pencil.draw_line(np.concatenate([rim, rim[:2]]), frame, 1.1)
        pencil.draw_line(np.array([[x + side * radius, y], [side * 1.0, y - 0.03]]), frame, 1.0)
    inner = proportion["eye_spacing"] - radius
    if inner > 0.02:
        pencil.draw_line(np.array([[turned - inner, y - 0.02], [turned + inner, y - 0.02]]), frame, 1.1)
