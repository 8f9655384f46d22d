"""Picture files of every kind that people have, and whether a decoder returns the picture that each one shows."""

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.decoders import Decoder

WIDTH, HEIGHT = 1200, 900  # large enough for scaled decoding to 224
SIZE: Final = 224
TOLERANCE: Final = 4.0  # mean absolute difference in levels; resizing filters and JPEG stay below, mistakes far above
CUTS: Final = 8  # the last of them 50 bytes from the end, where a PNG still lacks pixels
# Pillow's transposition that stores a picture so that the EXIF orientation turns it upright again
STORED: Final = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
XMP: Final = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"><tiff:Orientation>6</tiff:Orientation>
</rdf:Description></rdf:RDF></x:xmpmeta>"""
BROKEN_EXIF: Final = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff\x01\x12"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """One file: its content, its name's suffix, and the picture that it shows, or None if it must be refused."""

    kind: str
    content: bytes
    shows: Image.Image | None
    suffix: str = ".jpg"


def make_cases() -> Iterator[Case]:
    """Yield all cases; several cases of one kind count together."""
    picture = draw_picture()
    yield from _make_jpeg_cases(picture)
    yield from _make_png_cases(picture)
    yield from _make_transparent_cases(picture)
    palette = picture.quantize(256)
    yield Case("GIF", encode(palette, "GIF"), palette.convert("RGB"), ".gif")
    yield from _make_truncated_cases(picture)
    yield Case("not a picture: refused", b"no picture, but text", None)


def draw_picture() -> Image.Image:
    """Draw four shaded colors: a turned, mirrored, inverted or color-swapped copy is far from the picture."""
    down, right = np.mgrid[0:HEIGHT, 0:WIDTH]
    colors = np.array([[[220, 40, 40], [40, 200, 60]], [[50, 70, 210], [230, 220, 90]]], np.float32)
    pixels = colors[(down * 2 // HEIGHT), (right * 2 // WIDTH)]
    return Image.fromarray((pixels * (0.6 + 0.4 * right / WIDTH)[..., None]).astype(np.uint8))


def encode(picture: Image.Image, form: str, **options: object) -> bytes:
    """Return the bytes of a picture's file."""
    file = io.BytesIO()
    picture.save(file, form, **({"quality": 92} if form == "JPEG" else {}), **options)
    return file.getvalue()


def _make_jpeg_cases(picture: Image.Image) -> Iterator[Case]:
    yield Case("JPEG", encode(picture, "JPEG"), picture)
    yield Case("JPEG, progressive", encode(picture, "JPEG", progressive=True), picture)
    for orientation, method in STORED.items():
        stored = picture if method is None else picture.transpose(Image.Transpose(method))
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield Case("EXIF orientation, all 8", encode(stored, "JPEG", exif=exif), picture)
    yield Case("a broken EXIF block", encode(picture, "JPEG", exif=BROKEN_EXIF), picture)
    turned = picture.transpose(Image.Transpose(STORED[6] or 0))
    yield Case("XMP orientation", encode(turned, "JPEG", xmp=XMP), picture)
    yield Case("MPO, as some phones write it", encode(picture, "MPO", save_all=True, append_images=[turned]), picture)
    grey = picture.convert("L")
    yield Case("JPEG, grey", encode(grey, "JPEG"), grey.convert("RGB"))
    yield Case("JPEG, CMYK", encode(picture.convert("CMYK"), "JPEG"), picture)


def _make_png_cases(picture: Image.Image) -> Iterator[Case]:
    yield Case("PNG", encode(picture, "PNG"), picture, ".png")
    yield Case("PNG named .jpg", encode(picture, "PNG"), picture)
    grey = picture.convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    yield Case("PNG, 16-bit grey", encode(deep, "PNG"), grey.convert("RGB"), ".png")
    palette = picture.quantize(256)
    yield Case("PNG, palette", encode(palette, "PNG"), palette.convert("RGB"), ".png")


def _make_transparent_cases(picture: Image.Image) -> Iterator[Case]:
    opaque = Image.new("L", picture.size, 255)  # the upper half; the lower is transparent
    opaque.paste(0, (0, HEIGHT // 2, WIDTH, HEIGHT))
    white, red = (Image.new("RGB", picture.size, color) for color in ((255, 255, 255), (200, 60, 40)))
    layered = picture.copy()
    layered.putalpha(opaque)
    yield Case("PNG, alpha, over white", encode(layered, "PNG"), Image.composite(picture, white, opaque), ".png")
    two = Image.fromarray((np.asarray(opaque) // 255).astype(np.uint8)).convert("P")  # color 0 is transparent
    two.putpalette([0, 0, 0, 200, 60, 40])
    content = encode(two, "PNG", transparency=0)
    yield Case("PNG, palette with a transparent color", content, Image.composite(red, white, opaque), ".png")


def _make_truncated_cases(picture: Image.Image) -> Iterator[Case]:
    files = {
        "JPEG": (encode(picture, "JPEG"), ".jpg"),
        "JPEG, progressive": (encode(picture, "JPEG", progressive=True), ".jpg"),
        "PNG": (encode(picture, "PNG"), ".png"),
    }
    for kind, (content, suffix) in files.items():
        for length in [*np.linspace(0, len(content), CUTS, endpoint=False, dtype=int)[1:], len(content) - 50]:
            yield Case(f"{kind}, truncated at {CUTS} places: refused", content[:length], None, suffix)


def check_case(decoder: Decoder, case: Case, folder: Path) -> bool:
    """Check that a decoder returns what the file shows, or refuses the file if it must."""
    path = folder / f"case{case.suffix}"
    path.write_bytes(case.content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about broken EXIF
            (pixels,) = decoder([path], SIZE, 1)()
    except Exception:  # noqa: BLE001  each library raises its own
        return case.shows is None
    if case.shows is None:
        return False
    expected: Floats = np.asarray(case.shows.resize((SIZE, SIZE), Image.Resampling.BOX), np.float32)
    return float(np.abs(expected - pixels).mean()) <= TOLERANCE


def check_cases(decoder: Decoder, folder: Path) -> dict[str, bool]:
    """Return, by kind of file, whether a decoder handles all cases of the kind right."""
    handled: dict[str, bool] = {}
    for case in make_cases():
        handled[case.kind] = handled.get(case.kind, True) and check_case(decoder, case, folder)
    return handled
