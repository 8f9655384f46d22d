"""Hair and headwear, behind the head and in front of it. None of it depends on the drawing's family."""

import numpy as np

from facegender.demo.pencil import Pencil, ellipse, mix, outline


def paint_hair_behind(pencil: Pencil) -> None:
    """Paint the hair behind the head and the shoulders."""
    traits = pencil.traits
    dark = mix(traits.hair_colour, (20, 10, 30), 0.2)
    if traits.hair in ("bob", "long"):
        end = 0.72 if traits.hair == "bob" else 1.75
        top = outline(traits, np.pi, 2 * np.pi, 1.16)
        sides = np.array([[1.24, 0.3], [1.26, end - 0.12], [1.0, end], [-1.0, end], [-1.26, end - 0.12], [-1.24, 0.3]])
        pencil.draw_shape(np.concatenate([top, sides]), dark)
    elif traits.hair == "bun":
        pencil.draw_circle(pencil.parallax(-0.1), -1.28, 0.4, dark, outlined=True)
    elif traits.hair == "curly":
        for angle in np.linspace(0.88 * np.pi, 2.12 * np.pi, 13):
            pencil.draw_circle(1.02 * np.cos(angle), 0.98 * np.sin(angle), 0.34, dark, outlined=True)


def paint_hair_in_front(pencil: Pencil) -> None:
    """Paint the fringe and the parting over the forehead."""
    traits = pencil.traits
    if traits.hair == "none":
        return
    if traits.hair == "tuft":
        for lean in (-0.28, 0.0, 0.28):
            pencil.draw_shape(ellipse(lean + 0.3 * traits.parting, -1.02, 0.17, 0.26), traits.hair_colour)
        return
    cap = outline(traits, 0.97 * np.pi, 2.03 * np.pi, 1.1)
    x = np.linspace(1.06, -1.06, 40)
    away = np.abs(x - traits.parting) / (1 + abs(traits.parting))
    line = -0.74 + 0.66 * away**2.2
    pencil.draw_shape(np.concatenate([cap, np.stack([x, line], axis=1)]), traits.hair_colour)
    if traits.hair == "curly":
        for angle in np.linspace(1.1 * np.pi, 1.9 * np.pi, 9):
            pencil.draw_circle(np.cos(angle), 0.94 * np.sin(angle), 0.2, traits.hair_colour)
    shine = ellipse(traits.parting * 0.5, -0.2, 0.8, 0.74, 1.3 * np.pi, 1.5 * np.pi)
    pencil.draw_line(shine, mix(traits.hair_colour, (255, 255, 255), 0.22), 1.3)


def paint_headwear(pencil: Pencil) -> None:
    """Paint a cap, a beanie or headphones."""
    traits = pencil.traits
    light = mix(traits.accent, (255, 255, 255), 0.3)
    if traits.headwear in ("cap", "beanie"):
        crown = outline(traits, 1.13 * np.pi, 1.87 * np.pi, 1.16)
        pencil.draw_shape(crown, traits.accent)
    if traits.headwear == "cap":
        turned = pencil.parallax(0.45)
        pencil.draw_shape(ellipse(turned, -0.6, 0.92, 0.13), mix(traits.accent, (20, 10, 30), 0.25))
        pencil.draw_circle(0, -1.15, 0.07, light, outlined=True)
    elif traits.headwear == "beanie":
        band = np.array([[-1.12, -0.7], [1.12, -0.7], [1.14, -0.5], [-1.14, -0.5]])
        pencil.draw_shape(band, light)
        pencil.draw_circle(0, -1.24, 0.22, light, outlined=True)
    elif traits.headwear == "headphones":
        pencil.draw_line(
            ellipse(0, 0, 1.16, 1.2, 1.03 * np.pi, 1.97 * np.pi), mix(traits.accent, (20, 10, 30), 0.4), 3.5
        )
        for side in (-1, 1):
            pencil.draw_shape(ellipse(1.12 * side, 0.02, 0.2, 0.24), traits.accent)
