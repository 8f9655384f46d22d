"""python -m benchmarks train|score|validate|memory|orchestration ... , then write. See --help."""

import argparse
import json
import sys
import time
from pathlib import Path

from benchmarks.document import write
from benchmarks.machine import machine
from benchmarks.parts import PARTS, QUICK, Setting

HERE = Path(__file__).parent
PACKAGES = ("tensorflow", "keras", "openvino", "pillow", "prefect", "dvc")


def main() -> None:
    """Run parts, keep each one's raw numbers, and put the document together from all that are kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="+", choices=[*PARTS, "write"])
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument(
        "--weights", default="none", help="MobileNetV2 without top, a .weights.h5 file, for us and peers"
    )
    parser.add_argument("--work", type=Path, default=Path("artifacts/benchmarks"), help="where the runs happen")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--document", type=Path, default=HERE.parent / "docs/benchmarks.md")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--long-repeats", type=int, default=1, help="of each whole training")
    parser.add_argument("--epochs", type=int, default=10, help="of the plain scripts, which also stop early")
    parser.add_argument("--sizes", default="1000,10000,100000", help="numbers of images of the memory part")
    parser.add_argument("--tiny", action="store_true", help="a small network: to see that it all runs")
    parser.add_argument("--bench-python", default=sys.executable)
    asked = parser.parse_args()
    weights = str(Path(asked.weights).resolve()) if asked.weights != "none" else "none"
    setting = Setting(
        data=asked.data,
        root=asked.work,
        weights=weights,
        changes=QUICK if asked.tiny else {"backbone": {"weights": weights}},
        bench=asked.bench_python,
        repeats=asked.repeats,
        long_repeats=asked.long_repeats,
        epochs=asked.epochs,
        sizes=tuple(int(size) for size in asked.sizes.split(",")),
        tell=lambda line: print(line, file=sys.stderr, flush=True),
    )
    for part in asked.parts:
        setting.tell(f"plan: {part}, {PARTS[part][1] if part in PARTS else 'at once'}")
    asked.results.mkdir(parents=True, exist_ok=True)
    for part in asked.parts:
        if part == "write":
            continue
        began, where = time.perf_counter(), machine(*PACKAGES)
        setting.tell(f"{part}: load {where['load']}")
        asked.work.mkdir(parents=True, exist_ok=True)
        content = {"machine": where, "tiny": asked.tiny, "results": PARTS[part][0](setting)}
        (asked.results / f"{part}.json").write_text(json.dumps(content, indent=1) + "\n")
        setting.tell(f"{part}: done in {(time.perf_counter() - began) / 60:.1f} minutes")
    if "write" in asked.parts:
        asked.document.write_text(write(asked.results))


if __name__ == "__main__":
    main()
