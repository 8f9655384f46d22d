"""From a file to pixels: one set of rules, the same in validation, training, scoring and serving.

The rules: the whole file is decoded, so a truncated one is found out; EXIF orientation is applied; grey, palette and
CMYK pictures become RGB by Pillow's conversion; 16-bit and float greys are scaled by their type's range (floats: by
their own minimum and maximum) to 8 bits; transparent pixels are laid over white; of an animation the first frame
counts; the format is told by the content, whatever the name says.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from PIL import Image, ImageOps, UnidentifiedImageError

from facegender.errors import UserError

if TYPE_CHECKING:  # the processes of data/reader_pool.py start in half the time without numpy, and rarely need it
    import numpy as np
    import numpy.typing as npt

Pixels: TypeAlias = "npt.NDArray[np.uint8]"

SIXTEEN_BIT: Final = ("I;16", "I;16L", "I;16B", "I;16N")


class Undecodable(Exception):  # noqa: N818  it names what the file is
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
    with _open(path, max_pixels) as picture:
        picture.load()
        return to_rgb(apply_orientation(picture))


def open_grey(content: bytes, max_pixels: int | None = None) -> tuple[Image.Image, str]:
    """Decode a file's bytes in full, as an upright grey picture of its own size, and tell Pillow's mode of the file.

    What `open_picture` refuses is refused here, and nothing else: of a JPEG all coefficients are read, but brightness
    alone is turned into pixels, which is where libjpeg finds neither more nor fewer faults.

    Raises
    ------
    Undecodable
        As `open_picture`.
    """
    with _open(BytesIO(content), max_pixels) as picture:
        mode = picture.mode
        picture.draft("L", picture.size)  # a JPEG's brightness as it is stored; other formats ignore this
        picture.load()
        straight = apply_orientation(picture)
        return (straight if straight.mode == "L" else to_rgb(straight).convert("L")), mode


@contextmanager
def _open(source: str | Path | BytesIO, max_pixels: int | None) -> Iterator[Image.Image]:
    """A picture of which only the header is read; every fault in the block becomes `Undecodable`."""
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
        raise Undecodable("cannot be decoded: it needs more memory than there is") from None
    except (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, struct.error) as error:
        # Pillow's decoders raise all of these on corrupt bytes
        reason = (error.strerror if isinstance(error, OSError) else None) or error  # strerror: without the path
        raise Undecodable(f"cannot be decoded: {reason}") from None


def _is_empty(source: str | Path | BytesIO) -> bool:
    return not source.getbuffer().nbytes if isinstance(source, BytesIO) else Path(source).stat().st_size == 0


def apply_orientation(picture: Image.Image) -> Image.Image:
    """Apply the EXIF orientation, in place; a broken EXIF block counts as none."""
    with suppress(Exception):  # anything at all is raised by broken EXIF, and the pixels are good without it
        # In place, because what fails is mostly writing the EXIF block back, after the picture has been turned
        ImageOps.exif_transpose(picture, in_place=True)
    return picture


def to_rgb(picture: Image.Image) -> Image.Image:
    """Bring any Pillow mode to RGB by the rules at the top of this module."""
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
    else:  # PNG and TIFF greys of 16 bits arrive as I;16 or, from older files, as I
        low, high = 0.0, 65535.0
    span = high - low or 1.0
    return np.clip(np.round((values - low) / span * 255.0), 0, 255).astype(np.uint8)


def resize(picture: Image.Image, size: int) -> Pixels:
    """uint8 (size, size, 3), antialiased bilinear; the aspect ratio gives way, as with Keras's loaders."""
    import numpy as np

    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(picture, dtype=np.uint8)


def decode(path: str | Path, size: int, max_pixels: int | None = None) -> Pixels:
    """The pixels a model sees: uint8 (size, size, 3), RGB. Raises `Undecodable`, as `open_picture` does."""
    with _open(path, max_pixels) as picture:
        # a large JPEG is read in full but turned into no more pixels than twice the size needs (libjpeg scales by
        # 1/2, 1/4, 1/8), so that the resizing filter still has its say; other formats ignore this
        picture.draft(None, (2 * size, 2 * size))
        picture.load()
        return resize(to_rgb(apply_orientation(picture)), size)


def decode_validated(images: Path, name: str, size: int) -> Pixels:
    """`decode` for a picture that `validate` has read.

    Raises
    ------
    UserError
        It cannot be read any more.
    """
    try:
        return decode(f"{images}/{name}", size)  # no Path of each, as in facegender/files/image_names.py
    except Undecodable as reason:
        raise UserError(
            f"{images.name}/{name}",
            "the picture must be as it was when `validate` read it",
            str(reason),
            "Restore it, or run the pipeline again from `validate`.",
        ) from None
