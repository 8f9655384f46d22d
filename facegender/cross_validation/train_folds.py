"""Stage `train_folds`: train k times, each time validating on another fold.

Each fold trains in its own process, started here or by the flow's tasks. Finished folds stay in artifacts/.resume until
all are done, so a killed run continues with the missing ones. The frozen part never runs again.
"""

import logging
import shutil
import subprocess
import time
from collections import Counter, deque
from collections.abc import Sequence

from facegender.cross_validation.joined_store import JoinedStore
from facegender.cross_validation.plan import plan_folds
from facegender.errors import UserError
from facegender.files.atomic import atomic_folder
from facegender.files.layout import Layout
from facegender.params.stage_params import TrainFoldsStageParams

logger = logging.getLogger(__name__)

POLL_S = 0.2
ATTEMPTS = 2
USER_ERROR = 2  # the command's exit code after a user's mistake, which a second attempt would repeat


def train_folds(layout: Layout, params: TrainFoldsStageParams, command: Sequence[str]) -> None:
    """Train the missing folds, then write all of them to artifacts/folds.

    It contains rows.parquet (image, label, group, fold) and, for each fold, a folder fold_0 and up with weights.npz (of
    the whole network, in Keras's order), predictions.parquet (image, probability) and history.csv.

    Parameters
    ----------
    command
        Program and arguments of `facegender train-folds`; followed by `--fold N`, it trains fold N.

    Raises
    ------
    UserError
        The features are missing or do not fit, a class has too few rows, or a fold failed.
    """
    with JoinedStore(layout) as store:
        plan = plan_folds(layout, params, store)
    run_processes(plan.missing, params.cross_validate.processes, command)
    if plan.missing:  # each process reads code, data and parameters for itself
        remedy = "Run it again: finished folds that are still valid are kept."
        raise UserError("train_folds", "code, data and parameters must not change while folds train", "changed", remedy)
    with atomic_folder(layout.folds) as folder:
        for fold in range(plan.count):
            shutil.copytree(plan.result_folder(fold), folder / plan.result_folder(fold).name)
        plan.table[["image", "label", "group", "fold"]].to_parquet(folder / "rows.parquet", index=False)
    shutil.rmtree(plan.folder)


def run_processes(missing: Sequence[int], processes: int, command: Sequence[str]) -> None:
    """Run one child process per fold, `processes` at a time; start a failed one once more, unless the user erred."""
    waiting, running, tries = deque(missing), dict[int, subprocess.Popen[bytes]](), Counter[int]()
    failed: dict[int, int] = {}
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                fold = waiting.popleft()
                tries[fold] += 1
                running[fold] = subprocess.Popen([*command, "--fold", str(fold)], stdin=subprocess.DEVNULL)
            time.sleep(POLL_S)
            for fold, code in [(fold, process.poll()) for fold, process in running.items()]:
                if code is None:
                    continue
                del running[fold]
                if code and code != USER_ERROR and tries[fold] < ATTEMPTS:
                    logger.warning("fold %d ended with exit code %d; it is started again", fold, code)
                    waiting.append(fold)
                elif code:
                    failed[fold] = code
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()
    if failed:
        endings = ", ".join(f"fold {fold} ended with exit code {code}" for fold, code in sorted(failed.items()))
        raise UserError(
            "train_folds",
            "every fold must succeed",
            endings,
            "See their messages above. Finished folds are kept: run it again for the others.",
        )
