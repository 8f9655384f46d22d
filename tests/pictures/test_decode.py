"""Picture files of every mode and with every fault, drawn here."""

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from facegender.pictures.decode import Undecodable, decode, open_grey, open_picture, to_rgb
from tests.small_pictures import jpeg, noise

RED, BLUE = (255, 0, 0), (0, 0, 255)


def corner_red() -> Image.Image:
    """Draw a blue picture, 40 wide and 20 high, with a red square in the upper left corner."""
    picture = Image.new("RGB", (40, 20), BLUE)
    picture.paste(RED, (0, 0, 8, 8))
    return picture


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 100, (100, 100, 100)),
        ("LA", (100, 255), (100, 100, 100)),
        ("LA", (100, 0), (255, 255, 255)),  # transparent: white shows through
        ("RGB", (10, 20, 30), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),  # black at 51/255 = 20 % over white: 0.8 * 255
        ("I;16", 257 * 100, (100, 100, 100)),  # 65535 / 255 = 257
    ],
)
def test_modes_of_png(tmp_path: Path, mode: str, color: object, expected: tuple[int, int, int]) -> None:
    path = tmp_path / "picture.png"
    Image.new(mode, (4, 4), color).save(path)
    assert open_picture(path).getpixel((1, 1)) == expected


def test_palette_with_a_transparent_color(tmp_path: Path) -> None:
    picture = Image.new("P", (4, 4), 0)
    picture.putpalette([*RED, *BLUE])
    picture.putpixel((0, 0), 1)
    picture.save(tmp_path / "p.png", transparency=0)
    opened = open_picture(tmp_path / "p.png")
    assert opened.getpixel((0, 0)) == BLUE
    assert opened.getpixel((1, 1)) == (255, 255, 255)


def test_palette_with_bytes_of_transparency(tmp_path: Path) -> None:
    picture = Image.new("P", (4, 4), 0)
    picture.putpalette([*RED, *BLUE])
    picture.save(tmp_path / "p.png", transparency=bytes([0, 255]))
    assert open_picture(tmp_path / "p.png").getpixel((1, 1)) == (255, 255, 255)


def test_rgb_with_a_transparent_color(tmp_path: Path) -> None:
    corner_red().save(tmp_path / "c.png", transparency=BLUE)
    opened = open_picture(tmp_path / "c.png")
    assert opened.getpixel((0, 0)) == RED
    assert opened.getpixel((30, 10)) == (255, 255, 255)


def test_cmyk(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "c.jpg", quality=95)  # no cyan: red
    red, green, blue = open_picture(tmp_path / "c.jpg").getpixel((8, 8))  # type: ignore[misc]
    assert red > 250
    assert max(green, blue) < 5


def test_float_is_scaled_by_its_own_range(tmp_path: Path) -> None:
    Image.fromarray(np.array([[-1.0, 0.0, 1.0]], np.float32)).save(tmp_path / "f.tif")
    assert np.asarray(open_picture(tmp_path / "f.tif"))[0, :, 0].tolist() == [0, 128, 255]


def test_float_without_a_range_and_with_nan_or_infinity() -> None:
    assert np.asarray(to_rgb(Image.new("F", (2, 1), 3.0))).max() == 0
    holes = Image.fromarray(np.array([[np.nan, 0.0, 2.0, np.inf]], np.float32))
    assert np.asarray(to_rgb(holes))[0, :, 0].tolist() == [0, 0, 255, 255]
    assert np.asarray(to_rgb(Image.fromarray(np.full((1, 2), np.nan, np.float32)))).max() == 0


# For each orientation, the transposition under which `corner_red` is stored so that it is shown upright
STORED = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations(tmp_path: Path, orientation: int) -> None:
    method = STORED[orientation]
    stored = corner_red() if method is None else corner_red().transpose(Image.Transpose(method))
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = jpeg(stored, exif=exif)
    (tmp_path / "o.jpg").write_bytes(content)
    opened = open_picture(tmp_path / "o.jpg")
    assert opened.size == (40, 20)
    red, _, blue = opened.getpixel((2, 2))  # type: ignore[misc]
    assert (red > 200, blue < 60) == (True, True)
    grey, mode = open_grey(content)
    assert (grey.size, grey.mode, mode) == ((40, 20), "L", "RGB")
    assert abs(int(grey.getpixel((2, 2))) - 76) < 10  # type: ignore[arg-type]  # red's brightness: 0.299 * 255


def test_broken_exif_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "b.jpg").write_bytes(jpeg(corner_red(), exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff\x01\x12"))
    with pytest.warns(UserWarning, match="Corrupt EXIF data"):
        assert open_picture(tmp_path / "b.jpg").size == (40, 20)


def test_grey_decoding_agrees_with_rgb_decoding(tmp_path: Path) -> None:
    """A JPEG's stored brightness is that of its RGB picture, within rounding."""
    content = jpeg(noise())
    (tmp_path / "n.jpg").write_bytes(content)
    straight = np.asarray(open_grey(content)[0], np.int16)
    detour = np.asarray(open_picture(tmp_path / "n.jpg").convert("L"), np.int16)
    assert np.median(np.abs(straight - detour)) <= 1
    png = io.BytesIO()
    noise().save(png, "PNG")
    assert np.array_equal(np.asarray(open_grey(png.getvalue())[0]), np.asarray(noise().convert("L")))


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_truncated_jpegs_are_detected_in_grey_as_in_color(tmp_path: Path, options: dict[str, bool]) -> None:
    content = jpeg(noise(), **options)
    path = tmp_path / "t.jpg"
    for length in range(1, len(content) - 2, 97):  # the last 2 bytes only mark the end of the picture
        path.write_bytes(content[:length])
        with pytest.raises(Undecodable) as in_color:
            open_picture(path)
        with pytest.raises(Undecodable) as in_grey:
            open_grey(content[:length])
        assert str(in_grey.value) == str(in_color.value)


def test_corrupt_png(tmp_path: Path) -> None:
    noise().save(tmp_path / "c.png")
    content = bytearray((tmp_path / "c.png").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "c.png").write_bytes(content)
    with pytest.raises(Undecodable, match="cannot be decoded: "):
        open_picture(tmp_path / "c.png")


def test_the_content_decides_the_format_not_the_name(tmp_path: Path) -> None:
    corner_red().save(tmp_path / "named.jpg", "PNG")
    assert open_picture(tmp_path / "named.jpg").getpixel((0, 0)) == RED


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in (RED, BLUE)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert open_picture(tmp_path / "a.gif").getpixel((4, 4)) == RED


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty file"), (b"no picture, but text", "not a picture in a known format")],
)
def test_no_picture(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(Undecodable, match=f"^{reason}$"):
        open_picture(tmp_path / "x.jpg")
    with pytest.raises(Undecodable, match=f"^{reason}$"):
        open_grey(content)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(Undecodable, match=r"^the file is missing$"):
        open_picture(tmp_path / "none.jpg")
    with pytest.raises(Undecodable, match=r"^cannot be decoded: Is a directory$"):
        open_picture(tmp_path)


def test_more_pixels_than_allowed(tmp_path: Path) -> None:
    corner_red().save(tmp_path / "c.png")
    assert open_picture(tmp_path / "c.png", max_pixels=800).size == (40, 20)
    with pytest.raises(Undecodable, match=r"^40x20 pixels, more than max_pixels = 799$"):
        open_picture(tmp_path / "c.png", max_pixels=799)


@pytest.mark.parametrize(
    ("side", "warnings_are", "reason"),  # Pillow warns from 89 million pixels on and raises from 179 million
    [
        (10_000, "ignore", "10000x10000 pixels, more than max_pixels = 50000000"),
        (10_000, "error", "more pixels than Pillow's limit against decompression bombs"),
        (60_000, "ignore", "more pixels than Pillow's limit against decompression bombs"),
    ],
)
def test_decompression_bomb(side: int, warnings_are: Literal["ignore", "error"], reason: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter(warnings_are)
        with pytest.raises(Undecodable, match=f"^{reason}$"):
            open_grey(_png_header(side), max_pixels=50_000_000)


def test_a_decoder_that_runs_out_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: Image.Image) -> None:
        raise MemoryError

    corner_red().save(tmp_path / "c.png")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(Undecodable, match="more memory"):
        open_picture(tmp_path / "c.png")


def test_32_bit_grey_is_read_as_16_bit() -> None:
    assert to_rgb(Image.new("I", (1, 1), 257 * 100)).getpixel((0, 0)) == (100, 100, 100)
    assert to_rgb(Image.new("I", (1, 1), 70_000)).getpixel((0, 0)) == (255, 255, 255)


def test_decode_resizes(tmp_path: Path) -> None:
    corner_red().save(tmp_path / "c.png")
    assert decode(tmp_path / "c.png", 32).shape == (32, 32, 3)
    Image.new("RGB", (32, 32), RED).save(tmp_path / "r.png")
    assert (decode(tmp_path / "r.png", 32) == RED).all()


def _png_header(side: int) -> bytes:
    """A PNG of a hundred bytes that announces side * side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
