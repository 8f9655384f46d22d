"""The plan of a cross-validation: which row validates in which fold, and where finished and unfinished folds lie."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from facegender.data.split import HOLDOUT, NEVER_VALIDATED, folds_of
from facegender.features.store import Store, join_splits
from facegender.files.layout import Layout
from facegender.files.resumable import begin
from facegender.params.stage_params import TrainFoldsStageParams
from facegender.training.provenance import list_dependencies


@dataclass(frozen=True)
class FoldPlan:
    """One cross-validation.

    Attributes
    ----------
    table
        The store's rows, in its order: image, sha256, label, group, fold (in which the row validates; -2: held out).
    folder
        Finished and unfinished folds, named by all that they depend on.
    """

    table: pd.DataFrame
    folder: Path
    count: int

    def assign_roles(self, fold: int) -> pd.DataFrame:
        """The table for one training: fold is 0 where a row validates, -1 where it trains, -2 where it does neither."""
        kind = self.table["fold"].map(lambda number: {fold: 0, HOLDOUT: HOLDOUT}.get(number, NEVER_VALIDATED))
        return self.table.assign(fold=kind)

    def result_folder(self, fold: int) -> Path:
        """The folder that a finished fold leaves: weights.npz, predictions.parquet, history.csv."""
        return self.folder / f"fold_{fold}"

    @property
    def missing(self) -> list[int]:
        """Folds that are still to be trained."""
        return [fold for fold in range(self.count) if not self.result_folder(fold).is_dir()]


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
    assigned = splits.assign(fold=folds_of(splits, count, params.split.seed))
    table = join_splits(store, layout.features, assigned)
    fixed = list_dependencies(params.train, store.manifest, table, "facegender.cross_validation.train_fold")
    return FoldPlan(table, begin(layout.resume / "cross_validate", fixed, "train_folds"), count)
