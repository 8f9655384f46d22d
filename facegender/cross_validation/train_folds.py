"""Stage `train_folds`: k trainings, each validated on rows of its own.

Each fold trains in a process of its own, here or in the flow's tasks. A finished one lies in artifacts/.resume until
all are there, so a killed run goes on with the missing ones. Nothing of the frozen part is computed again.
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
from facegender.params.sections import Params
from facegender.params.stage_params import TrainFoldsStageParams

logger = logging.getLogger(__name__)

POLL_S = 0.2
ATTEMPTS = 2
USER_ERROR = 2  # the command's exit code after a user's mistake: trying again would not help


def train_folds(layout: Layout, params: Params, command: Sequence[str]) -> None:
    """Train the missing folds, then put all of them into artifacts/folds.

    It holds rows.parquet (image, label, group, fold) and, in fold_0/ and up, weights.npz (of the whole network, in
    Keras's order), predictions.parquet (image, probability) and history.csv.

    Parameters
    ----------
    command
        Program and arguments of `facegender train-folds`; with `--fold N` behind them it trains fold N.

    Raises
    ------
    UserError
        Features that are missing or do not fit, too few rows of a class, or a fold that failed.
    """
    with JoinedStore(layout) as store:
        plan = plan_folds(layout, TrainFoldsStageParams.of(params), store)
    run_processes(plan.missing, params.cross_validate.processes, command)
    if plan.missing:  # each process reads them for itself
        remedy = "Start it again: finished folds that are still right are kept."
        raise UserError("train_folds", "code, data and parameters must stay as they are meanwhile", "changed", remedy)
    with atomic_folder(layout.folds) as folder:
        for fold in range(plan.count):
            shutil.copytree(plan.result_folder(fold), folder / plan.result_folder(fold).name)
        plan.table[["image", "label", "group", "fold"]].to_parquet(folder / "rows.parquet", index=False)
    shutil.rmtree(plan.folder)


def run_processes(missing: Sequence[int], processes: int, command: Sequence[str]) -> None:
    """Run one child process a fold, `processes` at a time; one that fails is tried once more, alone of its kind."""
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
                    logger.warning("fold %d ended with %d; once more", fold, code)
                    waiting.append(fold)
                elif code:
                    failed[fold] = code
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()
    if failed:
        endings = ", ".join(f"fold {fold} ended with {code}" for fold, code in sorted(failed.items()))
        raise UserError(
            "train_folds",
            "every fold must end well",
            endings,
            "What each said stands above. Finished folds are kept: start it again for the others.",
        )
