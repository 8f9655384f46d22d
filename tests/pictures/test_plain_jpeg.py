"""Plain JPEGs are decoded as by `open_grey`; all other files are left to it."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from facegender.pictures.decode import Undecodable, open_grey
from facegender.pictures.plain_jpeg import decode_plain_jpeg

LIMIT = 50_000_000


def picture(width: int = 61, height: int = 47, mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def jpeg(source: Image.Image, **options: object) -> bytes:
    out = BytesIO()
    source.save(out, "JPEG", **options)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        jpeg(picture()),
        jpeg(picture(), quality=5, progressive=True),
        jpeg(picture(), subsampling=0, optimize=True),
        jpeg(picture(), comment=b"said", restart_marker_blocks=2),
        jpeg(picture(mode="L")),
        jpeg(picture()) + b"bytes after the end",
    ],
)
def test_plain_files_give_the_same_picture(content: bytes) -> None:
    found = decode_plain_jpeg(content, LIMIT)
    assert found is not None
    grey, mode = open_grey(content, LIMIT)
    assert found[1] == mode
    assert found[0].size == grey.size
    assert found[0].tobytes() == grey.tobytes()


def exif_turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return jpeg(picture(), exif=exif)


def without_height() -> bytes:
    content = bytearray(jpeg(picture()))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 7] = b"\0\0"
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        exif_turned(),
        jpeg(picture(mode="CMYK")),
        jpeg(picture(400, 400), quality=100),  # over 64 kB
        jpeg(picture())[:-200],
        without_height(),
        jpeg(picture()).replace(b"\xff\xc0", b"\xff\xc1", 1),
        b"\xff\xd8\xff",
        b"",
        b"no picture",
    ],
)
def test_other_files_are_left_to_open_grey(content: bytes) -> None:
    assert decode_plain_jpeg(content, LIMIT) is None


def test_too_many_pixels_are_left_to_open_grey(monkeypatch: pytest.MonkeyPatch) -> None:
    content = jpeg(picture())
    assert decode_plain_jpeg(content, 61 * 47) is not None
    assert decode_plain_jpeg(content, 61 * 47 - 1) is None
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 61 * 47 - 1)
    assert decode_plain_jpeg(content, LIMIT) is None


def test_no_damaged_file_is_accepted_that_open_grey_refuses() -> None:
    whole = jpeg(picture(), restart_marker_blocks=3)
    rng = np.random.default_rng(8)
    taken = refused = 0
    for _ in range(3000):
        spoilt = bytearray(whole[: int(rng.integers(2, len(whole) + 1))] if rng.random() < 0.3 else whole)
        for place in rng.integers(2, len(spoilt), int(rng.integers(0, 4))):
            spoilt[place] = rng.integers(0, 256)
        found = decode_plain_jpeg(bytes(spoilt), LIMIT)
        if found is None:
            refused += 1
            continue
        taken += 1
        grey, mode = open_grey(bytes(spoilt), LIMIT)  # raises Undecodable if it refuses
        assert (found[1], found[0].size, found[0].tobytes()) == (mode, grey.size, grey.tobytes())
    assert taken > 500
    assert refused > 500


def test_every_truncation_is_detected() -> None:
    whole = jpeg(picture())
    for length in range(len(whole) - 1):
        assert decode_plain_jpeg(whole[:length], LIMIT) is None
    with pytest.raises(Undecodable):
        open_grey(whole[:-20])
