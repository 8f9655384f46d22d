"""Measure what a training step of the tuned part spends its time on, and what its arithmetic alone would take.

python -m benchmarks.step, in a folder where a run has left artifacts/features and artifacts/splits.parquet

The limit is the time of the step's multiplications and additions at the rate of one large matrix product, measured in
the same process. All workloads run in turn, and medians are kept; CPU time tells more than wall time if other programs
run. Writes benchmarks/results/step.json, which `python -m benchmarks write` puts into docs/benchmarks.md.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks import step_table
from benchmarks.json_file import write_json
from benchmarks.machine import describe_machine
from benchmarks.step_workloads import FIT_STEPS, build_workloads
from benchmarks.timing import Workload, time_in_turns
from facegender.files.layout import Layout
from facegender.params.sections import TrainParams

RESULTS = Path(__file__).parent / "results"
WARM_UP = 2  # rounds that trace and compile


def measure(
    workloads: Mapping[str, Workload], operations: Mapping[str, float], rounds: int
) -> dict[str, dict[str, float]]:
    """Return the median milliseconds of each workload, wall and CPU; `limit` is scaled to the step's operations."""
    scales = dict.fromkeys(workloads, 1e3) | {
        "limit": 1e3 * operations["step"] / operations["limit"],
        "fit": 1e3 / FIT_STEPS,
    }
    return {
        name: {
            "wall": round(scales[name] * median(took.wall for took in times), 2),
            "cpu": round(scales[name] * median(took.cpu for took in times), 2),
        }
        for name, times in time_in_turns(workloads, rounds, WARM_UP).items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and keep the raw numbers."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.step", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"), help="where the run has left its files")
    parser.add_argument("--rounds", type=int, default=20, help="how often each workload runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder for step.json")
    asked = parser.parse_args(arguments)
    machine, params = describe_machine("tensorflow", "keras"), TrainParams()
    workloads, operations = build_workloads(Layout(Path("data"), asked.artifacts), params)
    content = {
        "machine": machine,
        "batch_size": params.batch_size,
        "operations": operations["step"],
        "milliseconds": measure(workloads, operations, asked.rounds),
    }
    print("\n".join(step_table.render(content)))
    write_json(asked.results / "step.json", content)


if __name__ == "__main__":
    main()
