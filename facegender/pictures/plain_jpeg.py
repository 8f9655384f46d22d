"""Decode the brightness of small, plain JPEGs with Pillow's decoder, but without Pillow's header parser.

Pillow parses headers in Python, which takes a fifth of the time of a small picture. This module reads only the
segments that determine the pixels. Any other file (metadata, other colour spaces, a fault) is left to `open_grey`.
"""

from typing import Final

from PIL import Image, ImageFile

FRAME: Final = frozenset({0xC0, 0xC2})  # baseline, progressive
HARMLESS: Final = FRAME | {0xC4, 0xDB, 0xDD, 0xE0, 0xFE}  # Huffman, quantization, restart interval, JFIF, comment
SCAN: Final = 0xDA
MODES: Final = {1: "L", 3: "RGB"}


def decode_plain_jpeg(content: bytes, max_pixels: int) -> tuple[Image.Image, str] | None:
    """Return the same as `open_grey`, or None if the file is not plain and `open_grey` must decode it."""
    found = _parse_header(content)
    # Pillow feeds larger files to the decoder in pieces, and warns about or refuses pictures above its own limit
    if found is None or len(content) > ImageFile.MAXBLOCK:
        return None
    size, mode = found
    if not 0 < size[0] * size[1] <= min(max_pixels, Image.MAX_IMAGE_PIXELS or max_pixels):
        return None
    try:
        return Image.frombytes("L", size, content, "jpeg", "L", ""), mode
    except (ValueError, OSError, MemoryError):
        return None


def _parse_header(content: bytes) -> tuple[tuple[int, int], str] | None:
    """Return (width, height) and Pillow's mode of a JPEG, or None if it has other than harmless segments.

    Segments: ITU-T T.81, annex B.
    """
    if content[:2] != b"\xff\xd8":
        return None
    found = None
    at, end = 2, len(content) - 10
    while at < end and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == SCAN:
            return found
        if marker not in HARMLESS:
            return None
        if marker in FRAME:
            mode = MODES.get(content[at + 9])
            if found or mode is None or content[at + 4] != 8:  # bits per sample
                return None
            height, width = content[at + 5] << 8 | content[at + 6], content[at + 7] << 8 | content[at + 8]
            found = (width, height), mode
        at += 2 + (content[at + 2] << 8 | content[at + 3])
    return None
