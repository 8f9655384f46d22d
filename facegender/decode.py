"""From a file to pixels: one function, the same in validation, training, scoring and serving.

The rules: the whole file is decoded, so a truncated one is found out; EXIF orientation is applied; grey, palette and
CMYK pictures become RGB by Pillow's conversion; 16-bit and float greys are scaled by their type's range (floats: by
their own minimum and maximum) to 8 bits; transparent pixels are laid over white; of an animation the first frame
counts; the format is told by the content, whatever the name says.
"""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

Pixels = npt.NDArray[np.uint8]

SIXTEEN_BIT: Final = ("I;16", "I;16L", "I;16B", "I;16N")


class Undecodable(Exception):
    """The file is no picture that can be used; the message is the reason, fit for a quarantine list."""


def open_picture(path: Path, max_pixels: int | None = None) -> Image.Image:
    """Decode a file in full, as an upright RGB picture of its own size.

    Parameters
    ----------
    max_pixels
        Pictures whose header announces more are refused before anything is decoded.

    Raises
    ------
    Undecodable
        Missing, empty, truncated, corrupt, no picture, or over `max_pixels`.
    """
    try:
        with Image.open(path) as picture:
            _refuse_bomb(picture, max_pixels)
            picture.load()
            return to_rgb(upright(picture))
    except Undecodable:
        raise
    except FileNotFoundError:
        raise Undecodable("the file is missing") from None
    except Image.DecompressionBombError:
        raise Undecodable("more pixels than any limit allows") from None
    except Image.UnidentifiedImageError:
        raise Undecodable("empty file" if path.stat().st_size == 0 else "not a picture in a known format") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, OverflowError) as error:
        # Pillow's decoders raise all of these on corrupt bytes
        raise Undecodable(f"cannot be decoded: {error}") from None


def _refuse_bomb(picture: Image.Image, max_pixels: int | None) -> None:
    pixels = picture.width * picture.height
    if max_pixels is not None and pixels > max_pixels:
        raise Undecodable(f"{picture.width}x{picture.height} pixels, more than max_pixels = {max_pixels}")


def upright(picture: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; a broken EXIF block counts as none."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # noqa: BLE001  anything at all is raised by broken EXIF, and the pixels are good without it
        return picture


def to_rgb(picture: Image.Image) -> Image.Image:
    """Bring any Pillow mode to RGB by the rules at the top of this module."""
    if picture.mode == "RGB":
        return picture
    if picture.mode in SIXTEEN_BIT or picture.mode in ("I", "F"):
        return Image.fromarray(_to_8_bits(picture)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layered).convert("RGB")
    return picture.convert("RGB")


def _to_8_bits(picture: Image.Image) -> Pixels:
    values = np.asarray(picture).astype(np.float64)
    if picture.mode == "F":
        low, high = float(values.min()), float(values.max())
    else:  # PNG and TIFF greys of 16 bits arrive as I;16 or, from older files, as I
        low, high = 0.0, 65535.0
    span = high - low or 1.0
    return np.clip(np.round((values - low) / span * 255.0), 0, 255).astype(np.uint8)


def resize(picture: Image.Image, size: int) -> Pixels:
    """uint8 (size, size, 3), antialiased bilinear; the aspect ratio gives way, as with Keras's loaders."""
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(picture, dtype=np.uint8)


def decode(path: Path, size: int, max_pixels: int | None = None) -> Pixels:
    """The pixels a model sees: uint8 (size, size, 3), RGB. Raises `Undecodable`."""
    return resize(open_picture(path, max_pixels), size)
