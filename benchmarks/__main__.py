"""Measure parts of the pipeline against peers, then write docs/benchmarks.md.

    python -m benchmarks train score validate memory orchestration write

Every finished run is kept at once in --results, so a command that was interrupted resumes with the missing runs. Runs
from another machine, code, data or parameters are discarded, with a message. To measure again, delete a part's file.
--only selects peers by name, or by the start of their names: --only ours keras.
"""

import argparse
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.document import render_document
from benchmarks.identity import identify_runs
from benchmarks.machine import describe_machine
from benchmarks.orchestration_part import QUICK_PARAMS
from benchmarks.parts import PARTS
from benchmarks.peers import Peer, choose_peers, run_in_turns
from benchmarks.results_file import ResultsFile
from benchmarks.setting import Setting

HERE = Path(__file__).parent
PACKAGES = ("tensorflow", "keras", "openvino", "pillow", "prefect", "dvc")


def parse_arguments() -> argparse.Namespace:
    """Read the command line; --tiny moves results and document below --work."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=[*PARTS, "write"], help="what to measure; write: the document")
    parser.add_argument("--only", nargs="+", default=[], metavar="PEER", help="run only these peers of the parts")
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder (default: data)")
    parser.add_argument(
        "--weights", default="none", help="MobileNetV2 without its top, a .weights.h5 file, for ours and its peers"
    )
    parser.add_argument("--work", type=Path, default=Path("artifacts/benchmarks"), help="the folder for the runs")
    parser.add_argument("--results", type=Path, help="default: benchmarks/results; with --tiny below --work")
    parser.add_argument("--document", type=Path, help="default: docs/benchmarks.md; with --tiny below --work")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each peer")
    parser.add_argument("--long-repeats", type=int, default=1, help="runs of each whole training")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of the plain scripts, which also stop early")
    parser.add_argument("--sizes", default="1000,10000,100000", help="numbers of images of the part memory")
    parser.add_argument("--tiny", action="store_true", help="try everything with a small network")
    parser.add_argument(
        "--bench-python", default=sys.executable, help="the Python that has the packages of benchmarks/requirements.txt"
    )
    asked = parser.parse_args()
    # tiny figures must never replace real ones, nor pass for them
    asked.results = asked.results or (asked.work / "results" if asked.tiny else HERE / "results")
    asked.document = asked.document or (
        asked.work / "benchmarks.md" if asked.tiny else HERE.parent / "docs/benchmarks.md"
    )
    return asked


def make_setting(asked: argparse.Namespace) -> Setting:
    """Make the parts' setting from the command line."""
    weights = str(Path(asked.weights).resolve()) if asked.weights != "none" else "none"
    return Setting(
        data=asked.data,
        root=asked.work,
        weights=weights,
        changes=QUICK_PARAMS if asked.tiny else {"backbone": {"weights": weights}},
        bench_python=asked.bench_python,
        repeats=asked.repeats,
        long_repeats=asked.long_repeats,
        epochs=asked.epochs,
        sizes=tuple(int(size) for size in asked.sizes.split(",")),
        log=lambda line: print(line, file=sys.stderr, flush=True),
    )


def main() -> None:
    """Run what is missing of the parts, and write the document if asked."""
    asked = parse_arguments()
    setting = make_setting(asked)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as with Ctrl-C, the current run ends with us
    peers = {part: PARTS[part].list_peers(setting) for part in asked.parts if part != "write"}
    chosen = choose_peers(peers, asked.only)
    for part in asked.parts:
        setting.log(f"plan: {part}, {PARTS[part].duration if part in PARTS else 'at once'}")
    asked.work.mkdir(parents=True, exist_ok=True)
    for part in chosen:
        run_part(part, setting, asked, peers[part], chosen[part])
    if "write" in asked.parts:
        asked.document.write_text(render_document(asked.results), encoding="utf-8")


def run_part(
    part: str, setting: Setting, asked: argparse.Namespace, peers: Mapping[str, Peer], chosen: Mapping[str, Peer]
) -> None:
    """Run the missing runs of the chosen peers, and keep each in the part's results file."""
    began, machine = time.perf_counter(), describe_machine(*PACKAGES)
    setting.log(f"{part}: load {machine['load']}")
    identity = identify_runs(setting, machine, PARTS[part].code, PARTS[part].uses_data)
    repeats = {name: peer.repeats for name, peer in peers.items()}
    facts = {"machine": machine, "tiny": asked.tiny}
    file = ResultsFile(asked.results / f"{part}.json", identity, facts, repeats, setting.log)
    run_in_turns(chosen, file, setting.log)
    setting.log(f"{part}: done in {(time.perf_counter() - began) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
