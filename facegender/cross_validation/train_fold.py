"""One fold of a cross-validation: a training that resumes like any other, and its out-of-fold predictions."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from facegender.cross_validation.joined_store import JoinedStore
from facegender.cross_validation.plan import plan_folds
from facegender.decision.calibration import sigmoid
from facegender.errors import UserError
from facegender.files.atomic import atomic_folder
from facegender.files.json_files import read_json
from facegender.files.layout import Layout
from facegender.params.stage_params import TrainFoldsStageParams
from facegender.training.checkpoint import Checkpoints
from facegender.training.source import VALIDATION_BATCH, TrainingData
from facegender.training.tf_dataset import as_dataset
from facegender.training.train import FittedClassifier, fit

logger = logging.getLogger(__name__)


def train_fold(layout: Layout, params: TrainFoldsStageParams, fold: int) -> None:
    """Train fold `fold`, unless it is finished, and write its result beside those of the other folds.

    If another process works on the same fold, such as a child of a killed run, wait for it to end.

    Raises
    ------
    UserError
        There is no such fold, or the features are missing or do not fit.
    """
    count = params.cross_validate.folds
    if fold not in range(count):
        raise UserError("--fold", f"must be 0 to {count - 1}: cross_validate.folds is {count}", fold)
    positive = read_json(layout.validation)["classes"][1]
    with JoinedStore(layout) as store:
        plan = plan_folds(layout, params, store)
        with _lock(plan.folder / f"fold_{fold}.lock"):
            if plan.result_folder(fold).is_dir():
                logger.info("fold %d of %d: already finished", fold + 1, count)
                return
            logger.info("fold %d of %d", fold + 1, count)
            # the name of the plan's folder covers everything else that a checkpoint depends on
            checkpoints = Checkpoints(plan.folder / f"checkpoints_{fold}", {"fold": fold})
            data = TrainingData(store, plan.assign_roles(fold), positive, layout.images)
            fitted = fit(data, params.train, checkpoints, plan.folder / f"curves_{fold}")
            write_fold(plan.result_folder(fold), fitted, plan.table["image"])
            checkpoints.remove()


def write_fold(out: Path, fitted: FittedClassifier, images: "pd.Series[str]") -> None:
    """Write a finished fold's folder: weights.npz, predictions.parquet of its validation rows, history.csv.

    `images`: the names of the store's rows.
    """
    source = fitted.source
    validation = as_dataset(source.pipeline.validation(source.validation, VALIDATION_BATCH))
    logits = fitted.classifier.tuned.predict(validation, verbose=0)
    names = images.iloc[source.validation.rows]
    predictions = pd.DataFrame({"image": names, "probability": sigmoid(logits[:, 0].astype(np.float64))})
    with atomic_folder(out) as folder:
        np.savez(folder / "weights.npz", *fitted.classifier.whole.get_weights())
        predictions.to_parquet(folder / "predictions.parquet", index=False)
        pd.DataFrame(fitted.history).to_csv(folder / "history.csv", index=False)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Wait for the kernel's lock on a file, and hold it in the `with` block; it ends with the process at the latest."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
