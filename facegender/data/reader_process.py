"""Images as a worker process reads them: decoded in full, measured, hashed and shrunk to a thumbnail.

Imports Pillow alone, so that the workers of facegender/data/reader_pool.py start quickly and stay small.
"""

# ruff: noqa: PTH114, PTH116, PTH120, PTH123
# Plain strings for paths: pathlib's objects would cost a tenth of the time that is spent on an image

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256

from PIL import Image

from facegender.data.reader_protocol import DIGEST, SIDE, Images, Limits
from facegender.pictures.decode import Undecodable, open_grey
from facegender.pictures.plain_jpeg import decode_plain_jpeg


class ImageFolder:
    """Reads images of one folder."""

    def __init__(self, folder: str, limits: Limits) -> None:
        self._limits = limits
        self._root = folder
        self._real_root = os.path.realpath(folder)
        self._inside = {""}  # subfolders known to lie, in truth, under the folder

    def read(self, names: list[str]) -> Images:
        """Read some images."""
        images = Images.blank(names)
        for place, name in enumerate(names):
            try:
                self._read_one(images, place, name)
            except Undecodable as error:
                images.reasons[place] = str(error)
            except _Outside as link:
                return images._replace(outside=(place, str(link)))
        return images

    def plain_files(self) -> Iterator[str]:
        """Names of files that lie in the folder itself, in the order in which the system lists them."""
        with suppress(OSError), os.scandir(self._root) as entries:  # what cannot be listed is said when it is asked for
            for entry in entries:
                if entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
                    yield entry.name

    def _read_one(self, images: Images, place: int, name: str) -> None:
        content = self._content(images, place, name)
        images.digests[place * DIGEST : (place + 1) * DIGEST] = sha256(content).digest()
        limit = self._limits.max_pixels
        grey, mode = decode_plain_jpeg(content, limit) or open_grey(content, limit)
        images.width[place], images.height[place] = grey.size
        images.mode[place] = mode
        small = grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=1.0)
        images.thumbnails[place * SIDE * SIDE : (place + 1) * SIDE * SIDE] = small.tobytes()

    def _content(self, images: Images, place: int, name: str) -> bytes:
        path = f"{self._root}/{name}"
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode) or os.path.dirname(name) not in self._inside:
                self._refuse_links_out(path, name)
                status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                raise Undecodable("not a file")
            images.size[place] = status.st_size
            if status.st_size > self._limits.max_bytes:
                raise Undecodable(f"{status.st_size} bytes, more than max_bytes = {self._limits.max_bytes}")
            with open(path, "rb", buffering=0) as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            raise Undecodable("the file is missing") from None
        except OSError as error:
            raise Undecodable(f"cannot be read: {error.strerror}") from None

    def _refuse_links_out(self, path: str, name: str) -> None:
        real = os.path.realpath(path)
        if os.path.commonpath([self._real_root, real]) != self._real_root:
            raise _Outside(real)
        if not os.path.islink(path):
            self._inside.add(os.path.dirname(name))


class _Outside(Exception):  # noqa: N818  it names where a link leads
    pass
