"""What each default is worth beside its alternatives: one row after the other, then docs/choices.md.

    python -m benchmarks.choices --data data --weights file.weights.h5     # what is missing, and the document
    python -m benchmarks.choices run --only "depth 0" "views 2" --data data   # these alone
    python -m benchmarks.choices write                                      # the document, from the rows that are there

A row's raw figures are kept as benchmarks/results/choices/NAME.json; one that is there is not run again. On 2 cores
and 8,000 faces a row takes some minutes, the deeper ones up to an hour, and the last one, from images, hours.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.choice_rows import NAMES, named
from benchmarks.choice_runs import Setting, run_row
from benchmarks.choices_document import write
from benchmarks.machine import machine
from benchmarks.workspace import prepare

HERE = Path(__file__).parent
PACKAGES = ("tensorflow", "keras", "openvino")
TINY: dict[str, dict[str, Any]] = {
    "backbone": {"alpha": 0.35, "image_size": 32, "weights": "none"},
    "train": {"head_epochs": 1, "epochs": 1},
    "cross_validate": {"folds": 2},
    "evaluate": {"bootstrap": 50},
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, and put the document together."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.choices", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?", choices=("both", "run", "write"), default="both")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--weights", default="auto", help="as backbone.weights: auto, or a .weights.h5 file")
    parser.add_argument("--work", type=Path, help="where the rows run; artifacts/benchmarks/choices")
    parser.add_argument("--results", type=Path, help="benchmarks/results/choices; with --tiny below --work")
    parser.add_argument("--document", type=Path, help="docs/choices.md; with --tiny below --work")
    parser.add_argument("--tiny", action="store_true", help="a small network: to see that it all runs")
    asked = parser.parse_args(arguments)
    # tiny figures must never pass for real ones that are kept
    asked.work = asked.work or Path("artifacts/benchmarks") / ("choices-tiny" if asked.tiny else "choices")
    asked.results = asked.results or (asked.work / "results" if asked.tiny else HERE / "results/choices")
    asked.document = asked.document or (asked.work / "choices.md" if asked.tiny else HERE.parent / "docs/choices.md")
    weights = str(Path(asked.weights).resolve()) if Path(asked.weights).is_file() else asked.weights
    changes = TINY if asked.tiny else {"backbone": {"weights": weights}}
    asked.results.mkdir(parents=True, exist_ok=True)
    if asked.part != "write":
        run(asked, changes)
    if asked.part != "run":
        asked.document.write_text(write(asked.results), encoding="utf-8")


def run(asked: argparse.Namespace, changes: dict[str, dict[str, Any]]) -> None:
    """The rows asked for that have no figures yet, each kept as soon as it is there."""
    work = asked.work.resolve()
    base = work / "base"
    if not (base / "artifacts/splits.parquet").exists():
        prepare(asked.data, base, changes)
    setting = Setting(base, work, changes, lambda line: print(line, file=sys.stderr, flush=True))
    for name in asked.only:
        row = named(name)
        path = asked.results / f"{row.slug}.json"
        if path.exists():
            setting.tell(f"{name}: kept, {path}")
            continue
        where, began = machine(*PACKAGES), time.perf_counter()
        found = run_row(setting, row)
        content = {"name": name, "tiny": asked.tiny, "machine": where, "changes": row.changes, **found}
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        accuracy = content["accuracy"]
        setting.tell(f"{name}: {accuracy['value']:.3f}, {(time.perf_counter() - began) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
