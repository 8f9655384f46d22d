"""Decode an image file to pixels, by the same rules in validation, training, scoring and serving.

- The whole file is decoded, so a truncated file is detected.
- EXIF orientation is applied.
- Grey, palette and CMYK pictures are converted to RGB by Pillow.
- 16-bit grey is scaled to 8 bits by the range of its type, float grey by its own minimum and maximum.
- Transparent pixels are composited over white.
- An animation counts as its first frame.
- The format is detected from the content, not from the file name.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from PIL import Image, ImageOps, UnidentifiedImageError

from facegender.errors import UserError

if (
    TYPE_CHECKING
):  # without numpy the processes of facegender/data/reader_pool.py start in half the time; they rarely need it
    import numpy as np
    import numpy.typing as npt

Pixels: TypeAlias = "npt.NDArray[np.uint8]"

SIXTEEN_BIT: Final = ("I;16", "I;16L", "I;16B", "I;16N")


class Undecodable(Exception):  # noqa: N818  it names a property of the file
    """The file is not a usable picture; the message is the reason, as shown in the quarantine list."""


def open_picture(path: Path, max_pixels: int | None = None) -> Image.Image:
    """Decode a whole file to an upright RGB picture of its original size.

    Parameters
    ----------
    max_pixels
        If the header announces more pixels, the file is refused before it is decoded.

    Raises
    ------
    Undecodable
        The file is missing, empty, truncated, corrupt or not a picture, or has more than `max_pixels` pixels.
    """
    with _open(path, max_pixels) as picture:
        picture.load()
        return to_rgb(apply_orientation(picture))


def open_grey(content: bytes, max_pixels: int | None = None) -> tuple[Image.Image, str]:
    """Decode the bytes of a whole file to an upright grey picture of its original size; also return the file's mode.

    It refuses exactly the files that `open_picture` refuses. All coefficients of a JPEG are read, but only its
    brightness is converted to pixels; libjpeg detects the same faults either way.

    Returns
    -------
    The picture, in mode "L", and Pillow's mode of the file before any conversion.

    Raises
    ------
    Undecodable
        As `open_picture`.
    """
    with _open(BytesIO(content), max_pixels) as picture:
        mode = picture.mode
        picture.draft("L", picture.size)  # decode only a JPEG's brightness; other formats ignore this
        picture.load()
        straight = apply_orientation(picture)
        return (straight if straight.mode == "L" else to_rgb(straight).convert("L")), mode


@contextmanager
def _open(source: str | Path | BytesIO, max_pixels: int | None) -> Iterator[Image.Image]:
    """Open a picture and read its header only; every decoding error in the block becomes `Undecodable`."""
    try:
        with Image.open(source) as picture:
            if max_pixels is not None and picture.width * picture.height > max_pixels:
                size = f"{picture.width}x{picture.height}"
                raise Undecodable(f"{size} pixels, more than max_pixels = {max_pixels}")
            yield picture
    except Undecodable:
        raise
    except FileNotFoundError:
        raise Undecodable("the file is missing") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Undecodable("more pixels than Pillow's limit against decompression bombs") from None
    except UnidentifiedImageError:
        raise Undecodable("empty file" if _is_empty(source) else "not a picture in a known format") from None
    except MemoryError:
        raise Undecodable("cannot be decoded: it needs more memory than is available") from None
    except (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, struct.error) as error:
        # Pillow's decoders raise all of these on corrupt bytes
        reason = (error.strerror if isinstance(error, OSError) else None) or error  # strerror does not contain the path
        raise Undecodable(f"cannot be decoded: {reason}") from None


def _is_empty(source: str | Path | BytesIO) -> bool:
    return not source.getbuffer().nbytes if isinstance(source, BytesIO) else Path(source).stat().st_size == 0


def apply_orientation(picture: Image.Image) -> Image.Image:
    """Apply the EXIF orientation, in place; a broken EXIF block is ignored."""
    with suppress(Exception):  # broken EXIF can raise anything, and the pixels are good without it
        # in place, because usually only writing the EXIF block back fails, after the picture has been rotated
        ImageOps.exif_transpose(picture, in_place=True)
    return picture


def to_rgb(picture: Image.Image) -> Image.Image:
    """Convert a picture of any Pillow mode to RGB, by the rules at the top of this module."""
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode in SIXTEEN_BIT or picture.mode in ("I", "F"):
        return Image.fromarray(_to_8_bits(picture)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layered).convert("RGB")
    return picture.convert("RGB")


def _to_8_bits(picture: Image.Image) -> Pixels:
    import numpy as np

    values = np.asarray(picture).astype(np.float64)
    if picture.mode == "F":
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    else:  # Pillow opens 16-bit grey PNG and TIFF files as I;16 or, some older ones, as I
        low, high = 0.0, 65535.0
    span = high - low or 1.0
    return np.clip(np.round((values - low) / span * 255.0), 0, 255).astype(np.uint8)


def resize(picture: Image.Image, size: int) -> Pixels:
    """Resize to a square by antialiased bilinear filtering: uint8 (size, size, 3).

    The aspect ratio is not preserved, as in Keras's loaders.
    """
    import numpy as np

    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(picture, dtype=np.uint8)


def decode(path: str | Path, size: int, max_pixels: int | None = None) -> Pixels:
    """Decode a file to a model's input: uint8 (size, size, 3), RGB.

    Raises
    ------
    Undecodable
        As `open_picture`.
    """
    with _open(path, max_pixels) as picture:
        # libjpeg reads a large JPEG in full but decodes it at 1/2, 1/4 or 1/8, to at least twice the wanted size, so
        # that the resizing filter still determines the result; other formats ignore this
        picture.draft(None, (2 * size, 2 * size))
        picture.load()
        return resize(to_rgb(apply_orientation(picture)), size)


def decode_validated(images: Path, name: str, size: int) -> Pixels:
    """Decode a picture that `validate` has read: uint8 (size, size, 3), RGB.

    Raises
    ------
    UserError
        The picture can no longer be read.
    """
    try:
        return decode(f"{images}/{name}", size)  # no Path per picture: see facegender/files/image_names.py
    except Undecodable as reason:
        raise UserError(
            f"{images.name}/{name}",
            "the picture must be as it was when `validate` read it",
            str(reason),
            "Restore it, or run the pipeline again from `validate`.",
        ) from None
