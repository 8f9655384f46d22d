"""The plan of a cross-validation: in which fold each row validates, and where the folds' results are."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facegender.data.split import assign_folds
from facegender.features.store import Store, join_splits
from facegender.files.layout import Layout
from facegender.files.resumable import open_work
from facegender.files.splits import HOLDOUT, NEVER_VALIDATED, VALIDATION, held_out
from facegender.params.stage_params import TrainFoldsStageParams
from facegender.training.provenance import list_dependencies


@dataclass(frozen=True)
class FoldPlan:
    """One cross-validation.

    Attributes
    ----------
    table
        The store's rows, in its order: image, sha256, label, group, fold (in which the row validates, or that of
        the holdout).
    folder
        Finished and unfinished folds, in a folder named by the hash of what they depend on.
    count
        Number of folds.
    """

    table: pd.DataFrame
    folder: Path
    count: int

    def assign_roles(self, fold: int) -> pd.DataFrame:
        """Return the table as a split, for the one training whose rows of `fold` validate."""
        numbers = self.table["fold"].to_numpy()
        rest = np.where(held_out(numbers), HOLDOUT, NEVER_VALIDATED)
        return self.table.assign(fold=np.where(numbers == fold, VALIDATION, rest))

    def result_folder(self, fold: int) -> Path:
        """Return a finished fold's folder, with weights.npz, predictions.parquet and history.csv."""
        return self.folder / f"fold_{fold}"

    @property
    def missing(self) -> list[int]:
        """Folds that still have to be trained."""
        return [fold for fold in range(self.count) if not self.result_folder(fold).is_dir()]


def plan_folds(layout: Layout, params: TrainFoldsStageParams, store: Store) -> FoldPlan:
    """Assign rows to folds; delete work that was begun with other data, parameters or code.

    Finished folds of other code are deleted as well. All folds become one output, for which DVC records one version of
    the code, and readers take the spread between folds as that of one way of training.

    Raises
    ------
    UserError
        A class has too few groups for every fold, or the features have other rows.
    """
    splits = pd.read_parquet(layout.splits)
    count = params.cross_validate.folds
    assigned = splits.assign(fold=assign_folds(splits, count, params.split.seed))
    table = join_splits(store, layout.features, assigned)
    fixed = list_dependencies(params.train, store.manifest, table, "facegender.cross_validation.train_fold")
    return FoldPlan(table, open_work(layout.resume / "cross_validate", fixed, "train_folds"), count)
