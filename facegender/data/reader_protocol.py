"""What the processes that read images are told, and what they answer; plain values, which cost nothing to import."""

from typing import Final, NamedTuple

DIGEST: Final = 32  # bytes of a SHA-256
SIDE: Final = 32  # pixels of a thumbnail's side, as in Zauner (facegender/data/duplicates.py)


class Limits(NamedTuple):
    """Of `validate` in params.yaml."""

    max_pixels: int
    max_bytes: int


class Images(NamedTuple):
    """What was found of some images, in the order of `names`.

    width, height
        Upright; 0 where the picture cannot be decoded.
    size
        Bytes of the file; -1 where it is missing.
    mode
        Pillow's; None where the picture cannot be decoded.
    digests
        SHA-256 of each file, one behind the other; zeros where it was not read.
    thumbnails
        32 x 32 grey pixels each, one behind the other; zeros where the picture cannot be decoded.
    reasons
        Why a picture cannot be decoded, by place in `names`.
    outside
        The place of a name that is, or goes through, a link that leaves the folder, and where to; from there on
        nothing was read.
    """

    names: list[str]
    width: list[int]
    height: list[int]
    size: list[int]
    mode: list[str | None]
    digests: bytearray
    thumbnails: bytearray
    reasons: dict[int, str]
    outside: tuple[int, str] | None = None

    @classmethod
    def blank(cls, names: list[str]) -> "Images":
        n = len(names)
        return cls(names, [0] * n, [0] * n, [-1] * n, [None] * n, bytearray(DIGEST * n), bytearray(SIDE * SIDE * n), {})

    def extend(self, more: "Images") -> None:
        """Add images behind these."""
        self.reasons.update((len(self.names) + place, reason) for place, reason in more.reasons.items())
        self.names.extend(more.names)
        self.width.extend(more.width)
        self.height.extend(more.height)
        self.size.extend(more.size)
        self.mode.extend(more.mode)
        self.digests.extend(more.digests)
        self.thumbnails.extend(more.thumbnails)
