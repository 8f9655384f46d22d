"""What the processes that read images are told, and what they answer; plain values, which cost nothing to import.

On a pipe a message is JSON behind its length; behind that of images come their digests and thumbnails as they are.
"""

import json
from io import BufferedReader
from typing import IO, Any, Final, NamedTuple, cast

DIGEST: Final = 32  # bytes of a SHA-256
SIDE: Final = 32  # pixels of a thumbnail's side, as in Zauner (facegender/data/duplicates.py)
LENGTH: Final = 8  # bytes of a message's length


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


def send_names(pipe: IO[bytes], names: list[str]) -> None:
    """Ask for images; an empty list asks for what has been read ahead."""
    _write(pipe, names)


def receive_names(pipe: IO[bytes]) -> list[str]:
    """The counterpart of `send_names`.

    Raises
    ------
    EOFError
        Nothing more comes.
    """
    names: list[str] = _read(pipe)
    return names


def send_images(pipe: IO[bytes], images: Images) -> None:
    """Answer."""
    told = images._asdict() | {"digests": None, "thumbnails": None, "reasons": list(images.reasons.items())}
    _write(pipe, told, images.digests, images.thumbnails)


def receive_images(pipe: IO[bytes]) -> Images:
    """The counterpart of `send_images`.

    Raises
    ------
    EOFError
        The process has ended before its answer did.
    """
    told = _read(pipe)
    n = len(told["names"])
    blocks = {"digests": _exactly(pipe, DIGEST * n), "thumbnails": _exactly(pipe, SIDE * SIDE * n)}
    outside = told["outside"] and tuple(told["outside"])
    return Images(**told | blocks | {"reasons": dict(told["reasons"]), "outside": outside})


def _write(pipe: IO[bytes], told: object, *blocks: bytearray) -> None:
    content = json.dumps(told).encode()  # in ASCII, so that names which are no Unicode come through too
    pipe.write(len(content).to_bytes(LENGTH) + content)
    for block in blocks:
        pipe.write(block)
    pipe.flush()


def _read(pipe: IO[bytes]) -> Any:
    return json.loads(_exactly(pipe, int.from_bytes(_exactly(pipe, LENGTH))))


def _exactly(pipe: IO[bytes], size: int) -> bytearray:
    content = bytearray(size)
    left = memoryview(content)
    while left:
        got = cast(BufferedReader, pipe).readinto(left)
        if not got:
            raise EOFError
        left = left[got:]
    return content
