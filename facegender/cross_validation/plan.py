"""The plan of a cross-validation: which row validates in which fold, and where finished and unfinished folds lie."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facegender.data.split import assign_folds
from facegender.features.store import Store, labelled
from facegender.files.layout import Layout
from facegender.files.resumable import open_work
from facegender.files.splits import HOLDOUT, NEVER_VALIDATED, VALIDATION, held_out
from facegender.params.stage_params import TrainFoldsStageParams
from facegender.training.provenance import depends_on


@dataclass(frozen=True)
class FoldPlan:
    """One cross-validation.

    Attributes
    ----------
    table
        The store's rows, in its order: image, sha256, label, group, fold (in which the row validates, or that of
        the holdout).
    folder
        Finished and unfinished folds, named by all that they depend on.
    """

    table: pd.DataFrame
    folder: Path
    count: int

    def rows_of(self, fold: int) -> pd.DataFrame:
        """The table as a split, for the one training whose rows of `fold` validate."""
        numbers = self.table["fold"].to_numpy()
        rest = np.where(held_out(numbers), HOLDOUT, NEVER_VALIDATED)
        return self.table.assign(fold=np.where(numbers == fold, VALIDATION, rest))

    def result(self, fold: int) -> Path:
        """The folder that a finished fold leaves: weights.npz, predictions.parquet, history.csv."""
        return self.folder / f"fold_{fold}"

    @property
    def missing(self) -> list[int]:
        """Folds that are still to be trained."""
        return [fold for fold in range(self.count) if not self.result(fold).is_dir()]


def plan_folds(layout: Layout, params: TrainFoldsStageParams, store: Store) -> FoldPlan:
    """Assign the folds; remove what was begun for other data or parameters, or by other code.

    Finished folds of other code are no exception. The folds become one output, of which DVC records by which code it
    was made, and their spread is read as that of one way of training.

    Raises
    ------
    UserError
        A class has too few groups to be in every fold, or the features are those of other rows.
    """
    splits = pd.read_parquet(layout.splits)
    count = params.cross_validate.folds
    assigned = splits.assign(fold=assign_folds(splits, count, params.split.seed))
    table = labelled(store, layout.features, assigned)
    fixed = depends_on(params.train, store.manifest, table, "facegender.cross_validation.train_fold")
    return FoldPlan(table, open_work(layout.resume / "cross_validate", fixed, "train_folds"), count)
