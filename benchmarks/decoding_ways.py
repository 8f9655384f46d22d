"""Ways from picture files to pixels uint8 (size, size, 3), each as its library's users would write it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facegender.pictures.decode import Pixels, decode, open_picture, resize
from facegender.runtime.prefetch import prefetch

# files, size, threads -> what decodes them all when it is called, in order; what is prepared once is not timed
Way = Callable[[Sequence[Path], int, int], Callable[[], Iterable[Any]]]

TODAY = "facegender/pictures/decode.py"
FULL = "the same rules, without scaled decoding"
MIXED = "simplejpeg, scaled, and the same rules"
TURNS = (b"Exif\x00\x00", b"http://ns.adobe.com/xap/1.0/")  # blocks of a JPEG that may hold an orientation


def in_threads(one: Callable[[Path, int], Pixels]) -> Way:
    """A function of one file, run as features and scoring run theirs."""

    def way(files: Sequence[Path], size: int, threads: int) -> Callable[[], Iterator[Pixels]]:
        return lambda: prefetch(lambda file: one(file, size), files, threads, ahead=32)

    return way


def pillow(path: Path, size: int) -> Pixels:
    """The three calls of every tutorial."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def pillow_draft(path: Path, size: int) -> Pixels:
    """The same, a large JPEG decoded at the smallest of 1/8, 1/4, 1/2 that is not below the size."""
    with Image.open(path) as picture:
        picture.draft(None, (size, size))
        return np.asarray(picture.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def full(path: Path, size: int) -> Pixels:
    """Our rules, every pixel of a large JPEG decoded."""
    return resize(open_picture(path), size)


def simplejpeg(path: Path, size: int) -> Pixels:
    """libjpeg-turbo by its own interface, scaled in the same way; Pillow resizes."""
    from simplejpeg import decode_jpeg

    pixels = decode_jpeg(path.read_bytes(), "RGB", min_height=size, min_width=size)
    return resize(Image.fromarray(pixels), size)


def mixed(path: Path, size: int) -> Pixels:
    """simplejpeg for a sound JPEG without EXIF and XMP, at no less than twice the size; our rules for all else."""
    from simplejpeg import decode_jpeg

    content = path.read_bytes()
    if content[:2] != b"\xff\xd8" or any(name in content[:65536] for name in TURNS):
        return decode(path, size)
    try:
        pixels = decode_jpeg(content, "RGB", min_height=2 * size, min_width=2 * size)
    except ValueError:  # truncated, corrupt: Pillow says what is wrong
        return decode(path, size)
    return resize(Image.fromarray(pixels), size)


def tf_data(antialias: bool) -> Way:
    """tf.io and tf.image, one file an element."""

    def way(files: Sequence[Path], size: int, threads: int) -> Callable[[], Iterator[Any]]:
        import tensorflow as tf

        def load(name: Any) -> Any:
            pixels = tf.io.decode_jpeg(tf.io.read_file(name), channels=3)
            resized = tf.image.resize(pixels, (size, size), antialias=antialias)
            return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)

        options = tf.data.Options()
        options.threading.private_threadpool_size = threads
        options.threading.max_intra_op_parallelism = 1
        names = tf.data.Dataset.from_tensor_slices([str(file) for file in files])
        data = names.map(load, num_parallel_calls=threads).prefetch(1).with_options(options)
        return data.as_numpy_iterator

    return way


def ways() -> dict[str, Way]:
    """Every way that can be imported here; ours comes first."""
    found = {
        TODAY: in_threads(decode),
        FULL: in_threads(full),
        "Pillow": in_threads(pillow),
        "Pillow, scaled decoding": in_threads(pillow_draft),
        "tf.data": tf_data(antialias=False),
        "tf.data, antialias": tf_data(antialias=True),
    }
    if find_spec("simplejpeg"):
        found |= {"simplejpeg, scaled": in_threads(simplejpeg), MIXED: in_threads(mixed)}
    return found
