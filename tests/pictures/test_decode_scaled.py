"""Large JPEGs decoded at a fraction of their size give the same picture and the same errors."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegender.pictures.decode import Undecodable, decode, open_picture
from tests.small_pictures import jpeg, noise


def landscape(width: int, height: int) -> Image.Image:
    """Draw waves: a picture without edges, which every way of reducing it shows alike."""
    y, x = np.mgrid[0:height, 0:width] * (2 * np.pi / width)
    waves = np.stack([np.sin(3 * x + y), np.sin(2 * x - 5 * y), np.cos(4 * y)], axis=-1)
    return Image.fromarray(np.round(127.5 + 100 * waves).astype(np.uint8))


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_scaled_decoding_shows_the_same_picture(tmp_path: Path, options: dict[str, bool]) -> None:
    """640 x 480 for 32 pixels: 480 / (2 * 32) = 7.5, so libjpeg decodes at a quarter."""
    path = tmp_path / "l.jpg"
    turned = Image.Exif()
    turned[0x0112] = 3  # taken with the camera upside down
    path.write_bytes(jpeg(landscape(640, 480), exif=turned, **options))
    whole = np.asarray(open_picture(path).resize((32, 32), Image.Resampling.BILINEAR), np.int16)
    assert np.abs(decode(path, 32).astype(np.int16) - whole).max() <= 3


def test_small_pictures_are_not_scaled(tmp_path: Path) -> None:
    """Below four times the size there is no half that is still twice the size: the same bytes as without scaling."""
    path = tmp_path / "s.jpg"
    path.write_bytes(jpeg(noise(127)))
    whole = open_picture(path).resize((32, 32), Image.Resampling.BILINEAR, reducing_gap=3.0)
    assert np.array_equal(decode(path, 32), np.asarray(whole))


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_scaled_decoding_detects_truncated_files(tmp_path: Path, options: dict[str, bool]) -> None:
    content = jpeg(landscape(300, 300), **options)
    path = tmp_path / "t.jpg"
    for length in range(1, len(content) - 2, 997):
        path.write_bytes(content[:length])
        with pytest.raises(Undecodable):
            decode(path, 32)
