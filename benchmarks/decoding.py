"""Compare decoders on faces of the real size, on large photographs and on files of every kind; write docs/decoding.md.

    python -m benchmarks.decoding         # measure and write; about four minutes
    python -m benchmarks.decoding write   # write, from benchmarks/results/decoding.json

simplejpeg takes part if it can be imported (benchmarks/requirements.txt).
"""

import argparse
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image, features

from benchmarks.decoders import BASELINE, SIMPLEJPEG, Decoder, list_decoders
from benchmarks.decoding_cases import check_cases
from benchmarks.decoding_document import render_document
from benchmarks.decoding_figures import DecoderFigures
from benchmarks.json_file import read_json, write_json
from benchmarks.machine import describe_machine
from benchmarks.timing import Took, Workload, consume, time_in_turns
from facegender.runtime.tensorflow_import import capture_stderr, import_tensorflow

HERE = Path(__file__).parent
QUALITY = 90
NOISE = 3.0  # levels, standard deviation: a camera's grain, without which an enlarged picture compresses to nothing

Pictures = Mapping[str, Sequence[Path]]  # files by kind: faces, photographs


def make_photographs(faces: Sequence[Path], folder: Path, width: int, height: int) -> list[Path]:
    """Enlarge faces to photographs, with grain, as JPEGs."""
    rng = np.random.default_rng(0)
    photographs = []
    for face in faces:
        with Image.open(face) as picture:
            large = np.asarray(picture.convert("RGB").resize((width, height), Image.Resampling.BICUBIC), np.float32)
        grainy = large + rng.normal(0, NOISE, large.shape).astype(np.float32)
        photographs.append(folder / f"{face.stem}.jpg")
        Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8)).save(photographs[-1], quality=QUALITY)
    return photographs


def time_decoders(
    decoders: Mapping[str, Decoder], pictures: Pictures, size: int, threads: Sequence[int], rounds: int
) -> dict[tuple[str, int], dict[str, Took]]:
    """Return the median times per image of each decoder, by kind of picture and number of threads."""
    times = {}
    for kind, files in pictures.items():
        for count in threads:
            runs = {name: make_workload(decoder, files, size, count) for name, decoder in decoders.items()}
            times[kind, count] = {
                name: Took(
                    median(took.wall for took in rounds_taken) / len(files),
                    median(took.cpu for took in rounds_taken) / len(files),
                )
                for name, rounds_taken in time_in_turns(runs, rounds).items()
            }
            rates = {name: round(1 / took.wall, 1) for name, took in times[kind, count].items()}
            print(f"{name_column(kind, count)}: images per second {rates}", file=sys.stderr, flush=True)
    return times


def make_workload(decoder: Decoder, files: Sequence[Path], size: int, threads: int) -> Workload:
    """Return a workload that decodes all files."""
    decode_all = decoder(files, size, threads)
    return lambda: consume(decode_all())


def name_column(kind: str, threads: int) -> str:
    """Name pictures and threads as in the document: "faces, 2 threads"."""
    return f"{kind}, {threads} thread{'s' if threads > 1 else ''}"


def compare_pixels(decoders: Mapping[str, Decoder], files: Sequence[Path], size: int) -> dict[str, tuple[float, float]]:
    """Return mean and 99th percentile of each decoder's absolute difference from the baseline's pixels, in levels."""
    pixels = {name: np.stack(list(decoder(files, size, 2)())).astype(np.int16) for name, decoder in decoders.items()}
    distances = {name: np.abs(values - pixels[BASELINE]) for name, values in pixels.items()}
    return {name: (float(values.mean()), float(np.percentile(values, 99))) for name, values in distances.items()}


def measure(pictures: Pictures, size: int, threads: Sequence[int], rounds: int) -> dict[str, DecoderFigures]:
    """Return the figures of every decoder."""
    decoders = list_decoders()
    times = time_decoders(decoders, pictures, size, threads, rounds)
    with (
        tempfile.TemporaryDirectory() as folder,
        capture_stderr(),
    ):  # libjpeg and TensorFlow complain of each broken file
        handled = {name: check_cases(decoder, Path(folder)) for name, decoder in decoders.items()}
    differences = {kind: compare_pixels(decoders, files, size) for kind, files in pictures.items()}
    single = {kind: times[kind, min(threads)] for kind in pictures}
    return {
        name: DecoderFigures(
            rates={name_column(*place): round(1 / took[name].wall, 2) for place, took in times.items()},
            rate_ratios={
                name_column(*place): round(took[BASELINE].wall / took[name].wall, 2) for place, took in times.items()
            },
            cpu_ms={kind: round(1000 * took[name].cpu, 2) for kind, took in single.items()},
            cpu_ratios={kind: round(took[BASELINE].cpu / took[name].cpu, 2) for kind, took in single.items()},
            pixel_differences={kind: found[name] for kind, found in differences.items()},
            handled=handled[name],
        )
        for name in decoders
    }


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decoding", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?", choices=("both", "write"), default="both", help="default: both")
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder (default: data)")
    parser.add_argument("--faces", type=int, default=600, help="number of faces")
    parser.add_argument("--photographs", type=int, default=5, help="number of photographs")
    parser.add_argument("--photograph-size", type=int, nargs=2, default=(4000, 3000), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--size", type=int, default=224, help="pixels of a side to decode to")
    parser.add_argument("--threads", type=int, nargs="+", default=(1, 2), help="default: 1 2")
    parser.add_argument("--rounds", type=int, default=7, help="how often each decoder runs")
    parser.add_argument("--results", type=Path, default=HERE / "results/decoding.json", help="the file of raw figures")
    parser.add_argument("--document", type=Path, default=HERE.parent / "docs/decoding.md", help="the file to write")
    return parser.parse_args(arguments)


def measure_all(asked: argparse.Namespace) -> dict[str, Any]:
    """Measure as the command line says, and return the content of the results file."""
    every = sorted((asked.data / "images").iterdir())
    faces = every[:: max(1, len(every) // asked.faces)][: asked.faces]
    import_tensorflow()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        photographs = make_photographs(faces[: asked.photographs], Path(folder), *asked.photograph_size)
        packages = ["tensorflow", "pillow", "numpy", *(["simplejpeg"] if SIMPLEJPEG in list_decoders() else [])]
        machine = describe_machine(*packages) | {"libjpeg-turbo in Pillow": features.version("libjpeg_turbo")}
        pictures = {"faces": faces, "photographs": photographs}
        with Image.open(faces[0]) as face:
            face_size = face.size
        setting = {
            "rounds": asked.rounds,
            "model_size": asked.size,
            "faces": len(faces),
            "face_size": "{} x {}".format(*face_size),
            "photographs": len(photographs),
            "photograph_size": "{} x {}".format(*asked.photograph_size),
            "photograph_megabytes": round(float(np.mean([file.stat().st_size for file in photographs])) / 1e6, 2),
        }
        figures = measure(pictures, asked.size, asked.threads, asked.rounds)
    return {
        "machine": machine,
        "setting": setting,
        "decoders": {name: asdict(decoder) for name, decoder in figures.items()},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure unless told only to write, keep the raw figures, and write the document."""
    asked = parse_arguments(arguments)
    if asked.part != "write":
        write_json(asked.results, measure_all(asked))
    asked.document.write_text(render_document(read_json(asked.results)), encoding="utf-8")


if __name__ == "__main__":
    main()
