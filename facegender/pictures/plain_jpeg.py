"""The brightness of small, plain JPEGs, with Pillow's decoder but without its reading of the header in Python.

That reading is a fifth of the time that a small picture takes. Here only what decides what the pixels are is looked at,
and whatever is not quite plain (metadata, other colours, a fault) is left to `open_grey`.
"""

from typing import Final

from PIL import Image, ImageFile

FRAME: Final = frozenset({0xC0, 0xC2})  # baseline, progressive
HARMLESS: Final = FRAME | {0xC4, 0xDB, 0xDD, 0xE0, 0xFE}  # and Huffman, quantization, restarts, JFIF, comments
SCAN: Final = 0xDA
MODES: Final = {1: "L", 3: "RGB"}


def decode_plain_jpeg(content: bytes, max_pixels: int) -> tuple[Image.Image, str] | None:
    """What `open_grey` gives, or None where it is to be asked."""
    found = _parse_header(content)
    # larger files are handed to the decoder in pieces; pictures over Pillow's own limit get a warning or more
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
    """Width and height, and Pillow's mode, of a JPEG with harmless segments alone (ITU-T T.81, annex B)."""
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
            if found or mode is None or content[at + 4] != 8:  # bits
                return None
            height, width = content[at + 5] << 8 | content[at + 6], content[at + 7] << 8 | content[at + 8]
            found = (width, height), mode
        at += 2 + (content[at + 2] << 8 | content[at + 3])
    return None
