"""Ways of decoding beside each other: on faces of the real size, on large photographs, and on files of every kind.

Writes docs/decoding.md. simplejpeg takes part where it can be imported (benchmarks/requirements.txt).
About four minutes.
"""

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image, features

from benchmarks.decoding_cases import handled
from benchmarks.decoding_document import Measured, write
from benchmarks.decoding_ways import TODAY, Way, ways
from benchmarks.machine import machine
from facegender.runtime.tensorflow_import import held_stderr, import_tensorflow

DOCUMENT = Path(__file__).parent.parent / "docs/decoding.md"
QUALITY = 90
NOISE = 3.0  # levels, standard deviation: a camera's grain, without which an enlarged picture compresses to nothing


@dataclass
class Rounds:
    """Seconds of the wall and of the processor, one of each a round."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def photographs(faces: Sequence[Path], folder: Path, width: int, height: int) -> list[Path]:
    """Faces enlarged to photographs, with grain, as JPEGs."""
    rng = np.random.default_rng(0)
    made = []
    for face in faces:
        with Image.open(face) as picture:
            large = np.asarray(picture.convert("RGB").resize((width, height), Image.Resampling.BICUBIC), np.float32)
        grainy = large + rng.normal(0, NOISE, large.shape).astype(np.float32)
        made.append(folder / f"{face.stem}.jpg")
        Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8)).save(made[-1], quality=QUALITY)
    return made


def size_of(path: Path) -> tuple[int, int]:
    """Width and height."""
    with Image.open(path) as picture:
        return picture.size


def timed(runs: dict[str, Callable[[], Iterable[Any]]], rounds: int) -> dict[str, Rounds]:
    """Each run once a round, in turn; a first round, which warms caches, does not count."""
    results = {name: Rounds() for name in runs}
    for turn in range(rounds + 1):
        for name, go in runs.items():
            wall, processor = time.perf_counter(), time.process_time()
            for _ in go():
                pass
            if turn:
                results[name].wall.append(time.perf_counter() - wall)
                results[name].processor.append(time.process_time() - processor)
    return results


def differences(found: dict[str, Way], files: Sequence[Path], size: int) -> dict[str, tuple[float, float]]:
    """Mean and 99th percentile of the absolute difference from today's pixels, in levels."""
    pixels = {name: np.stack(list(way(files, size, 2)())).astype(np.int16) for name, way in found.items()}
    far = {name: np.abs(values - pixels[TODAY]) for name, values in pixels.items()}
    return {name: (float(values.mean()), float(np.percentile(values, 99))) for name, values in far.items()}


def measure(faces: Sequence[Path], large: Sequence[Path], size: int, threads: Sequence[int], rounds: int) -> Measured:
    """Everything that the document tells but the machine."""
    found = ways()
    sets = {"faces": faces, "photographs": large}
    rates, costs = {}, {}
    for kind, files in sets.items():
        for count in threads:
            results = timed({name: way(files, size, count) for name, way in found.items()}, rounds)
            rates[kind, count] = {name: len(files) / median(result.wall) for name, result in results.items()}
            costs[kind, count] = {name: median(result.processor) / len(files) for name, result in results.items()}
            print(f"{kind}, {count} threads: images a second", rates[kind, count], file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder, held_stderr():  # libjpeg and TensorFlow complain of each broken file
        right = {name: handled(way, Path(folder)) for name, way in found.items()}
    far = {kind: differences(found, files, size) for kind, files in sets.items()}
    return Measured(rates, costs, right, far)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the document."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoding", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--faces", type=int, default=600, help="how many")
    parser.add_argument("--photographs", type=int, default=5, help="how many")
    parser.add_argument("--photograph-size", type=int, nargs=2, default=(4000, 3000), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--size", type=int, default=224, help="of a side, to decode to")
    parser.add_argument("--threads", type=int, nargs="+", default=(1, 2))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--document", type=Path, default=DOCUMENT)
    asked = parser.parse_args(arguments)
    every = sorted((asked.data / "images").iterdir())
    faces = every[:: max(1, len(every) // asked.faces)][: asked.faces]
    import_tensorflow()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        large = photographs(faces[: asked.photographs], Path(folder), *asked.photograph_size)
        packages = ["tensorflow", "pillow", "numpy", *(["simplejpeg"] if "simplejpeg, scaled" in ways() else [])]
        here = machine(*packages) | {"libjpeg-turbo in Pillow": features.version("libjpeg_turbo")}
        measured = measure(faces, large, asked.size, asked.threads, asked.rounds)
        setting = {
            "rounds": asked.rounds,
            "size": asked.size,
            "faces": len(faces),
            "face": "{} x {}".format(*size_of(faces[0])),
            "photographs": len(large),
            "photograph": "{} x {}".format(*asked.photograph_size),
            "megabytes": np.mean([file.stat().st_size for file in large]) / 1e6,
        }
    asked.document.write_text(write(here, setting, measured), encoding="utf-8")


if __name__ == "__main__":
    main()
