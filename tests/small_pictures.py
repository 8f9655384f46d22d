"""Pictures for tests of decoding."""

import io

import numpy as np
from PIL import Image


def jpeg(picture: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95, subsampling=0, **options)
    return file.getvalue()


def noise(side: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))
