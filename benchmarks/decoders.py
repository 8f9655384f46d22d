"""Decoders: from picture files to pixels uint8 (size, size, 3), each as its library's users would write it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facegender.pictures.decode import Pixels, decode, open_picture, resize
from facegender.runtime.prefetch import prefetch

# Takes files, size and number of threads, and prepares what is not timed; the result decodes all files in order.
Decoder = Callable[[Sequence[Path], int, int], Callable[[], Iterable[Any]]]

BASELINE = "our rules, full decoding"
IN_USE = "our rules, scaled decoding"
SIMPLEJPEG = "simplejpeg, scaled decoding"
ORIENTATION_BLOCKS = (b"Exif\x00\x00", b"http://ns.adobe.com/xap/1.0/")  # of a JPEG; they may turn the picture


def list_decoders() -> dict[str, Decoder]:
    """Return every decoder that can be imported here, the baseline first."""
    decoders = {
        BASELINE: make_threaded_decoder(decode_in_full),
        IN_USE: make_threaded_decoder(decode),
        "Pillow": make_threaded_decoder(decode_with_pillow),
        "Pillow, scaled decoding": make_threaded_decoder(decode_with_pillow_scaled),
        "tf.data": make_tf_data_decoder(antialias=False),
        "tf.data, antialias": make_tf_data_decoder(antialias=True),
    }
    if find_spec("simplejpeg"):
        decoders[SIMPLEJPEG] = make_threaded_decoder(decode_with_simplejpeg)
        decoders[f"{SIMPLEJPEG}, otherwise our rules"] = make_threaded_decoder(decode_with_simplejpeg_if_plain)
    return decoders


def make_threaded_decoder(decode_one: Callable[[Path, int], Pixels]) -> Decoder:
    """Return a decoder that runs a function of one file as features and scoring run theirs."""

    def prepare(files: Sequence[Path], size: int, threads: int) -> Callable[[], Iterator[Pixels]]:
        return lambda: prefetch(lambda file: decode_one(file, size), files, threads, ahead=32)

    return prepare


def decode_in_full(path: Path, size: int) -> Pixels:
    """Follow our rules, and decode every pixel of a large JPEG."""
    return resize(open_picture(path), size)


def decode_with_pillow(path: Path, size: int) -> Pixels:
    """Make the three calls of every tutorial."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def decode_with_pillow_scaled(path: Path, size: int) -> Pixels:
    """Make the same calls; decode a large JPEG at the smallest of 1/8, 1/4 and 1/2 that is not below the size."""
    with Image.open(path) as picture:
        picture.draft(None, (size, size))
        return np.asarray(picture.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def decode_with_simplejpeg(path: Path, size: int) -> Pixels:
    """Call libjpeg-turbo directly, with the same scaling; Pillow resizes."""
    from simplejpeg import decode_jpeg

    pixels = decode_jpeg(path.read_bytes(), "RGB", min_height=size, min_width=size)
    return resize(Image.fromarray(pixels), size)


def decode_with_simplejpeg_if_plain(path: Path, size: int) -> Pixels:
    """Decode a sound JPEG without EXIF and XMP by simplejpeg, at twice the size or more; all else by our rules."""
    from simplejpeg import decode_jpeg

    content = path.read_bytes()
    if content[:2] != b"\xff\xd8" or any(block in content[:65536] for block in ORIENTATION_BLOCKS):
        return decode(path, size)
    try:
        pixels = decode_jpeg(content, "RGB", min_height=2 * size, min_width=2 * size)
    except ValueError:  # truncated or corrupt: Pillow gives the reason
        return decode(path, size)
    return resize(Image.fromarray(pixels), size)


def make_tf_data_decoder(antialias: bool) -> Decoder:
    """Return a decoder that uses tf.io and tf.image, one file per element."""

    def prepare(files: Sequence[Path], size: int, threads: int) -> Callable[[], Iterator[Any]]:
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
        iterate: Callable[[], Iterator[Any]] = data.as_numpy_iterator
        return iterate

    return prepare
