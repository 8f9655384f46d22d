"""Small pictures inside an HTML page, as data URIs: the page needs no other file."""

import base64
import io
from pathlib import Path
from typing import Any, Final, Literal

from PIL import Image

from facegender.pictures.decode import open_picture

SIDE: Final = 144  # pixels, longer side: sharp at 72 CSS pixels on a dense screen
SAVE: Final[dict[str, dict[str, Any]]] = {"JPEG": {"quality": 80}, "PNG": {"optimize": True}}


def thumbnail(path: Path, side: int = SIDE) -> str:
    """Make a small upright JPEG of a picture file, its longer side `side` pixels: a data URI of a few kilobytes."""
    picture = open_picture(path)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return data_uri(picture)


def data_uri(picture: Image.Image, form: Literal["JPEG", "PNG"] = "JPEG") -> str:
    """Encode a picture as a data URI; PNG keeps transparency."""
    buffer = io.BytesIO()
    picture.save(buffer, format=form, **SAVE[form])
    return f"data:image/{form.lower()};base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
