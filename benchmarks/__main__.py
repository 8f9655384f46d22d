"""python -m benchmarks train|score|validate|memory|orchestration ... , then write. See --help.

Every finished run is kept at once in --results, so a command that was cut off goes on with the missing runs. Those of
another machine, code, data or parameters are thrown away, which is told; to measure anew, remove a part's file.
--only names peers, in full or by how they begin: --only ours keras.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

from benchmarks.document import write
from benchmarks.identity import identity
from benchmarks.kept import Kept
from benchmarks.machine import machine
from benchmarks.orchestration_part import QUICK
from benchmarks.parts import PARTS
from benchmarks.peers import choose, interleaved
from benchmarks.setting import Setting

HERE = Path(__file__).parent
PACKAGES = ("tensorflow", "keras", "openvino", "pillow", "prefect", "dvc")


def main() -> None:
    """Run what is missing of the parts, and put the document together from all that are kept."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=[*PARTS, "write"])
    parser.add_argument("--only", nargs="+", default=[], metavar="PEER", help="of the parts; all")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument(
        "--weights", default="none", help="MobileNetV2 without top, a .weights.h5 file, for us and peers"
    )
    parser.add_argument("--work", type=Path, default=Path("artifacts/benchmarks"), help="where the runs happen")
    parser.add_argument("--results", type=Path, help="benchmarks/results; with --tiny below --work")
    parser.add_argument("--document", type=Path, help="docs/benchmarks.md; with --tiny below --work")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--long-repeats", type=int, default=1, help="of each whole training")
    parser.add_argument("--epochs", type=int, default=10, help="of the plain scripts, which also stop early")
    parser.add_argument("--sizes", default="1000,10000,100000", help="numbers of images of the memory part")
    parser.add_argument("--tiny", action="store_true", help="a small network: to see that it all runs")
    parser.add_argument("--bench-python", default=sys.executable)
    asked = parser.parse_args()
    # tiny figures must never pass for real ones that are kept, or take their place
    results = asked.results or (asked.work / "results" if asked.tiny else HERE / "results")
    document = asked.document or (asked.work / "benchmarks.md" if asked.tiny else HERE.parent / "docs/benchmarks.md")
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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: the run under way ends with us
    peers = {part: PARTS[part].peers(setting) for part in asked.parts if part != "write"}
    chosen = choose(peers, asked.only)
    for part in asked.parts:
        setting.tell(f"plan: {part}, {PARTS[part].told if part in PARTS else 'at once'}")
    asked.work.mkdir(parents=True, exist_ok=True)
    for part in chosen:
        began, where = time.perf_counter(), machine(*PACKAGES)
        setting.tell(f"{part}: load {where['load']}")
        same = identity(setting, where, PARTS[part].code, PARTS[part].uses_data)
        repeats = {name: peer.repeats for name, peer in peers[part].items()}
        kept = Kept(results / f"{part}.json", same, {"machine": where, "tiny": asked.tiny}, repeats, setting.tell)
        interleaved(chosen[part], kept, setting.tell)
        setting.tell(f"{part}: done in {(time.perf_counter() - began) / 60:.1f} minutes")
    if "write" in asked.parts:
        document.write_text(write(results))


if __name__ == "__main__":
    main()
