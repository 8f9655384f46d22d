"""Measure what each default is worth beside its alternatives, one variant after the other, then write docs/choices.md.

    python -m benchmarks.choices --data data --weights file.weights.h5       # the missing variants and the document
    python -m benchmarks.choices run --only "depth 0" "views 4" --data data  # these variants, no document
    python -m benchmarks.choices write                                       # the document, from the kept results

A variant's raw figures are kept in benchmarks/results/choices/NAME.json, and a variant that has such a file is not run
again. On 2 cores and 8,000 faces a variant takes some minutes, a deeper one up to an hour, and the last one, from
images, hours.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.choice_runs import VariantFolders, run_variant
from benchmarks.choice_variants import NAMES, find_variant
from benchmarks.choices_document import render_document
from benchmarks.json_file import write_json
from benchmarks.machine import describe_machine
from benchmarks.setting import TINY_BACKBONE, Sections
from benchmarks.workspace import prepare_workspace

HERE = Path(__file__).parent
PACKAGES = ("tensorflow", "keras", "openvino")
TINY_PARAMS: Sections = {
    "backbone": TINY_BACKBONE,
    "train": {"head_epochs": 1, "epochs": 1},
    "cross_validate": {"folds": 2},
    "evaluate": {"bootstrap": 50},
}


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; --tiny moves results and document below --work."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.choices", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?", choices=("both", "run", "write"), default="both", help="default: both")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder (default: data)")
    parser.add_argument("--weights", default="auto", help="as backbone.weights: auto, or a .weights.h5 file")
    parser.add_argument(
        "--work", type=Path, help="the folder for the runs (default: artifacts/benchmarks/choices, or choices-tiny)"
    )
    parser.add_argument("--results", type=Path, help="default: benchmarks/results/choices; with --tiny below --work")
    parser.add_argument("--document", type=Path, help="default: docs/choices.md; with --tiny below --work")
    parser.add_argument("--tiny", action="store_true", help="try everything with a small network")
    asked = parser.parse_args(arguments)
    # tiny figures must never replace real ones, nor pass for them
    asked.work = asked.work or Path("artifacts/benchmarks") / ("choices-tiny" if asked.tiny else "choices")
    asked.results = asked.results or (asked.work / "results" if asked.tiny else HERE / "results/choices")
    asked.document = asked.document or (asked.work / "choices.md" if asked.tiny else HERE.parent / "docs/choices.md")
    return asked


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the missing variants and write the document, or do one of the two."""
    asked = parse_arguments(arguments)
    if asked.part != "write":
        run_missing(asked)
    if asked.part != "run":
        asked.document.write_text(render_document(asked.results), encoding="utf-8")


def run_missing(asked: argparse.Namespace) -> None:
    """Run the chosen variants that have no figures yet, and keep each variant's figures at once."""
    weights = str(Path(asked.weights).resolve()) if Path(asked.weights).is_file() else asked.weights
    changes: Sections = TINY_PARAMS if asked.tiny else {"backbone": {"weights": weights}}
    work = asked.work.resolve()
    base = work / "base"
    if not (base / "artifacts/splits.parquet").exists():
        prepare_workspace(asked.data, base, changes)
    folders = VariantFolders(base, work, changes, lambda line: print(line, file=sys.stderr, flush=True))
    for name in asked.only:
        variant = find_variant(name)
        path = asked.results / f"{variant.slug}.json"
        if path.exists():
            folders.log(f"{name}: kept, {path}")
            continue
        machine, began = describe_machine(*PACKAGES), time.perf_counter()
        figures = run_variant(folders, variant)
        write_json(path, {"name": name, "tiny": asked.tiny, "machine": machine, "changes": variant.changes, **figures})
        minutes = (time.perf_counter() - began) / 60
        folders.log(f"{name}: accuracy {figures['accuracy']['value']:.3f}, {minutes:.1f} minutes")


if __name__ == "__main__":
    main()
