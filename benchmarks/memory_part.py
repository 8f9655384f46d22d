"""Part `memory`: peak resident set of every stage, by number of images.

A small network runs on links to the same pictures, because what a stage keeps of an image does not depend on the
network. Each size runs once, because a peak hardly varies.
"""

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.child import Result, module_command, run_child
from benchmarks.peers import Peer
from benchmarks.setting import TINY_BACKBONE, Sections, Setting
from benchmarks.workspace import LABELLED, multiply_data, write_changed_params

STAGES = ("validate", "split", "features", "train", "evaluate", "submit")
EVALUATE_MANY = "evaluate, n validation rows"
VALIDATION = 0.9  # share of the labelled rows, for EVALUATE_MANY


def list_peers(setting: Setting) -> dict[str, Peer]:
    """Return a peer per size: all stages on n images, then `evaluate` on n validation rows."""
    small: Sections = {
        **setting.changes,
        "backbone": TINY_BACKBONE,
        "features": {"views": 1},
        "train": {"head_epochs": 1, "epochs": 1, "batch_size": 128},
    }
    many_validation_rows: Sections = {**small, "split": {"validation": VALIDATION}}

    def run(count: int) -> Result:
        peaks, failed = measure_peaks(setting, count, small)
        images = round(count / VALIDATION / LABELLED)
        evaluated, also_failed = measure_peaks(setting, images, many_validation_rows, STAGES[:5])
        peaks[EVALUATE_MANY] = evaluated.get("evaluate", 0)
        return {"peaks": peaks} | failed | also_failed

    return {str(count): Peer(functools.partial(run, count), 1) for count in setting.sizes}


def measure_peaks(
    setting: Setting, count: int, changes: Sections, stages: Sequence[str] = STAGES
) -> tuple[dict[str, int], dict[str, str]]:
    """Return the peak of each stage on `count` images in kB, up to the first that fails, and that one's error."""
    peaks: dict[str, int] = {}
    with tempfile.TemporaryDirectory(dir=setting.root) as folder:
        root = Path(folder)
        multiply_data(setting.data, root / "data", count)
        write_changed_params(root / "params.yaml", changes)
        for stage in stages:
            result = run_child(module_command("facegender", stage), root, setting.log)
            setting.log(f"    {stage}, {count:,} images: {result}")
            if "failed" in result:
                return peaks, {"failed": f"{stage}: {result['failed']}"}
            peaks[stage] = int(result["peak_kb"])
    return peaks, {}
