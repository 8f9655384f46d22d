"""Trials of a search in this process: TensorFlow starts once, and what the trainings share is computed once."""

import gc
import os
from pathlib import Path

import keras
import pandas as pd
from pydantic import JsonValue

from facegender.features.store import FeatureStore, join_splits
from facegender.files.json_files import read_json
from facegender.files.layout import Layout
from facegender.params.sections import Params
from facegender.runtime.code_fingerprint import fingerprint_with_imports
from facegender.search.space import apply_changes
from facegender.search.study import EpochRow, Finished, Pruned, Report, RunTrial
from facegender.training.checkpoint import Checkpoints
from facegender.training.provenance import list_dependencies
from facegender.training.source import TrainingData
from facegender.training.train import fit


def trainer(layout: Layout, params: Params, folder: Path) -> RunTrial:
    """Make a function that runs a trial: the training of `facegender train`, of which only the history is kept.

    Parameters
    ----------
    folder
        Folder for checkpoints, from which a killed search's trial resumes, and for what trials share.
    """
    positive: str = read_json(layout.validation)["classes"][1]
    # the input of the head's own phase is the same for every trial of the same code
    shared = folder / f"pooled_{fingerprint_with_imports('facegender.training.train')}.npy"
    for other in folder.glob("pooled*.npy"):
        if other != shared:
            other.unlink()

    def run_trial(number: int, changes: dict[str, JsonValue], report: Report) -> Finished:
        changed = apply_changes(params, changes)

        def on_epoch(row: EpochRow) -> None:
            link_if_free(pooled, shared)
            if report(row):
                raise Pruned

        keras.backend.clear_session()
        gc.collect()
        with FeatureStore(layout.features) as store:
            table = join_splits(store, layout.features, pd.read_parquet(layout.splits))
            checkpoints = Checkpoints(folder / "training", list_dependencies(changed.train, store.manifest, table))
            pooled = checkpoints.folder / "pooled.npy"
            link_if_free(shared, pooled)
            data = TrainingData(store, table, positive, layout.images)
            try:
                fitted = fit(data, changed.train, checkpoints, folder / "dvclive", on_epoch)
            except Pruned:
                checkpoints.remove()
                raise
        checkpoints.remove()
        return Finished(fitted.history)

    return run_trial


def link_if_free(source: Path, target: Path) -> None:
    """Hard-link a file, if it exists and the new name is free."""
    if source.exists() and not target.exists():
        os.link(source, target)
