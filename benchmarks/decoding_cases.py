"""Picture files of every kind that people have, and whether a way of decoding makes of each what it shows."""

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.decoding_ways import Way

WIDTH, HEIGHT = 1200, 900  # large enough for scaled decoding to 224
SIZE: Final = 224
TOLERANCE: Final = 4.0  # mean absolute difference in levels; resizing filters and JPEG stay below, mistakes far above
CUTS: Final = 8  # the last of them 50 bytes from the end, where a PNG still lacks pixels
# Pillow's transposition that stores a picture so that the EXIF orientation turns it upright again
STORED: Final = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
XMP: Final = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"><tiff:Orientation>6</tiff:Orientation>
</rdf:Description></rdf:RDF></x:xmpmeta>"""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """One file: its content, a name's suffix, and the picture it shows; None where it must be refused."""

    kind: str
    content: bytes
    shows: Image.Image | None
    suffix: str = ".jpg"


def drawn() -> Image.Image:
    """Four colors that shade off, so that a turned, mirrored, inverted or color-swapped picture is far from it."""
    down, right = np.mgrid[0:HEIGHT, 0:WIDTH]
    colors = np.array([[[220, 40, 40], [40, 200, 60]], [[50, 70, 210], [230, 220, 90]]], np.float32)
    pixels = colors[(down * 2 // HEIGHT), (right * 2 // WIDTH)]
    return Image.fromarray((pixels * (0.6 + 0.4 * right / WIDTH)[..., None]).astype(np.uint8))


def encoded(picture: Image.Image, form: str, **options: object) -> bytes:
    """The bytes of a file."""
    file = io.BytesIO()
    picture.save(file, form, **({"quality": 92} if form == "JPEG" else {}), **options)
    return file.getvalue()


def cases() -> Iterator[Case]:
    """All of them; cases of one kind count together."""
    picture = drawn()
    plain = encoded(picture, "JPEG")
    yield Case("JPEG", plain, picture)
    yield Case("JPEG, progressive", encoded(picture, "JPEG", progressive=True), picture)
    for orientation, method in STORED.items():
        stored = picture if method is None else picture.transpose(Image.Transpose(method))
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield Case("EXIF orientation, all 8", encoded(stored, "JPEG", exif=exif), picture)
    broken = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff\x01\x12"
    yield Case("a broken EXIF block", encoded(picture, "JPEG", exif=broken), picture)
    turned = picture.transpose(Image.Transpose(STORED[6] or 0))
    yield Case("XMP orientation", encoded(turned, "JPEG", xmp=XMP), picture)
    yield Case("MPO, as some phones write it", encoded(picture, "MPO", save_all=True, append_images=[turned]), picture)
    grey = picture.convert("L")
    yield Case("JPEG, grey", encoded(grey, "JPEG"), grey.convert("RGB"))
    yield Case("JPEG, CMYK", encoded(picture.convert("CMYK"), "JPEG"), picture)
    yield Case("PNG", encoded(picture, "PNG"), picture, ".png")
    yield Case("PNG named .jpg", encoded(picture, "PNG"), picture)
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    yield Case("PNG, 16-bit grey", encoded(deep, "PNG"), grey.convert("RGB"), ".png")
    palette = picture.quantize(256)
    yield Case("PNG, palette", encoded(palette, "PNG"), palette.convert("RGB"), ".png")
    lower = Image.new("L", picture.size, 255)
    lower.paste(0, (0, HEIGHT // 2, WIDTH, HEIGHT))
    over_white = Image.composite(picture, Image.new("RGB", picture.size, (255, 255, 255)), lower)
    layered = picture.copy()
    layered.putalpha(lower)
    yield Case("PNG, alpha, over white", encoded(layered, "PNG"), over_white, ".png")
    colors = np.asarray(lower) // 255  # color 0 is the transparent one
    two = Image.fromarray(colors.astype(np.uint8)).convert("P")
    two.putpalette([0, 0, 0, 200, 60, 40])
    flat = Image.composite(
        Image.new("RGB", picture.size, (200, 60, 40)), Image.new("RGB", picture.size, (255, 255, 255)), lower
    )
    yield Case("PNG, palette with a transparent color", encoded(two, "PNG", transparency=0), flat, ".png")
    yield Case("GIF", encoded(palette, "GIF"), palette.convert("RGB"), ".gif")
    cut = {"JPEG": (plain, ".jpg"), "JPEG, progressive": (encoded(picture, "JPEG", progressive=True), ".jpg")}
    for kind, (content, suffix) in {**cut, "PNG": (encoded(picture, "PNG"), ".png")}.items():
        for length in [*np.linspace(0, len(content), CUTS, endpoint=False, dtype=int)[1:], len(content) - 50]:
            yield Case(f"{kind} cut at {CUTS} places, refused", content[:length], None, suffix)
    yield Case("no picture, refused", b"no picture, but text", None)


def right(way: Way, case: Case, folder: Path) -> bool:
    """Whether a way shows what the file shows, or refuses it where it must."""
    path = folder / f"case{case.suffix}"
    path.write_bytes(case.content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of broken EXIF
            (pixels,) = way([path], SIZE, 1)()
    except Exception:  # noqa: BLE001  each library raises its own
        return case.shows is None
    if case.shows is None:
        return False
    expected: Floats = np.asarray(case.shows.resize((SIZE, SIZE), Image.Resampling.BOX), np.float32)
    return float(np.abs(expected - pixels).mean()) <= TOLERANCE


def handled(way: Way, folder: Path) -> dict[str, bool]:
    """Which kinds a way handles right, all cases of a kind."""
    found: dict[str, bool] = {}
    for case in cases():
        found[case.kind] = found.get(case.kind, True) and right(way, case, folder)
    return found
