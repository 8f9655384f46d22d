"""Draw shapes in the coordinate system of a portrait's face."""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from facegender.demo.traits import PROPORTIONS, Colour, Traits

Points = npt.NDArray[np.float64]
SUPERSAMPLING: Final = 3
INK: Final = (38, 34, 44)


class Pencil:
    """Draws in face coordinates: origin at the centre of the face, x in half-widths, y downwards in half-heights."""

    def __init__(self, traits: Traits, width: int, height: int) -> None:
        self.traits = traits
        self.proportion = dict(zip(PROPORTIONS, traits.proportions, strict=True))
        self.picture = Image.new("RGB", (width * SUPERSAMPLING, height * SUPERSAMPLING), traits.paper)
        self.draw = ImageDraw.Draw(self.picture)
        self.side = min(self.picture.size)
        # the face's area is independent of its elongation; otherwise the mean colour would reveal the family
        size = traits.size * self.side
        stretch = self.proportion["elongation"] ** 0.5
        self.half_axes = np.array([size / stretch, size * stretch])
        cos, sin = np.cos(traits.tilt), np.sin(traits.tilt)
        self.rotation = np.array([[cos, sin], [-sin, cos]])
        self.centre = np.array([traits.x * self.picture.width, traits.y * self.picture.height])

    def to_pixels(self, points: Points) -> list[tuple[int, int]]:
        """Convert face coordinates, float64 (n, 2), to pixels of the supersampled picture.

        Pixels are integers, so that the last bit of a cosine cannot change a picture.
        """
        placed = np.rint((points * self.half_axes) @ self.rotation + self.centre).astype(int)
        return [(int(x), int(y)) for x, y in placed]

    @property
    def line_width(self) -> int:
        return max(2, round(self.traits.line * self.side))

    def draw_shape(self, points: Points, fill: Colour) -> None:
        """Draw a filled shape, with the outline of the drawing's style."""
        placed = self.to_pixels(points)
        self.draw.polygon(placed, fill=fill)
        edge = self.outline_colour(fill)
        if edge is not None:
            self.draw.line([*placed, placed[0], placed[1]], fill=edge, width=self.line_width, joint="curve")

    def draw_line(self, points: Points, fill: Colour, width: float = 1.0) -> None:
        """Draw a line with round ends, `width` times the portrait's line width."""
        placed = self.to_pixels(points)
        pixels = max(2, round(width * self.line_width))
        self.draw.line(placed, fill=fill, width=pixels, joint="curve")
        r = pixels // 2
        for x, y in (placed[0], placed[-1]):
            self.draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)

    def draw_circle(self, x: float, y: float, radius: float, fill: Colour, outlined: bool = False) -> None:
        """Draw a circle; the radius is in half-widths."""
        points = self.circle_outline(x, y, radius)
        if outlined:
            self.draw_shape(points, fill)
        else:
            self.draw.polygon(self.to_pixels(points), fill=fill)

    def circle_outline(self, x: float, y: float, radius: float, ratio: float = 1.0) -> Points:
        """Return the outline of an ellipse; ratio is height / width in pixels, so 1 is a circle on any face."""
        return ellipse(x, y, radius, radius * ratio * float(self.half_axes[0] / self.half_axes[1]))

    def outline_colour(self, fill: Colour) -> Colour | None:
        """Return the colour of a shape's outline, or None if the style has no outlines."""
        if self.traits.style == "flat":
            return None
        return INK if self.traits.style == "ink" else mix(fill, (30, 20, 40), 0.45)

    def parallax(self, depth: float) -> float:
        """Return how far a point `depth` in front of the face shifts when the head turns, in half-widths."""
        return self.traits.yaw * depth


def ellipse(x: float, y: float, rx: float, ry: float, start: float = 0.0, stop: float = 2 * np.pi) -> Points:
    """Return 40 points of an elliptic arc, float64 (40, 2); angles in radians, clockwise from the right."""
    angle = np.linspace(start, stop, 40)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def outline(traits: Traits, start: float = 0.0, stop: float = 2 * np.pi, scale: float = 1.0) -> Points:
    """Return the head's outline, float64 (72, 2): a superellipse that narrows towards the chin."""
    angle = np.linspace(start, stop, 72)
    cos, sin = np.cos(angle), np.sin(angle)
    x = np.sign(cos) * np.abs(cos) ** (2 / traits.roundness)
    y = np.sign(sin) * np.abs(sin) ** (2 / traits.roundness)
    narrower = 1 - traits.taper * np.clip(y, 0, 1) ** 1.5
    return scale * np.stack([x * narrower, y], axis=1)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Mix two colours; `share` is the fraction of `second`."""
    r, g, b = (round((1 - share) * a + share * b) for a, b in zip(first, second, strict=True))
    return r, g, b
