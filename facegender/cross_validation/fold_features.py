"""Stage `fold_features`: what a cross-validation needs beside the features of `features`.

In artifacts/features a row is there to train on, in several views and maybe in bfloat16, or to validate with, as it is
and exact. In a cross-validation it does both. Here each row is what it is not there, computed once, whatever the number
of folds, and in a folder of its own, so that the features that the main pipeline has made stay as they are and are read
by both.
"""

import pandas as pd

from facegender.data.split import HOLDOUT
from facegender.errors import UserError
from facegender.features.features import compute_missing, plan_network, write_without_views
from facegender.features.store import FeatureStore, Manifest
from facegender.features.work import Work
from facegender.files.json_files import read_json
from facegender.files.layout import Layout
from facegender.params.sections import Params
from facegender.params.stage_params import FeaturesStageParams


def fold_features(layout: Layout, params: Params) -> None:
    """Bring artifacts/fold_features up to date with artifacts/features.

    Raises
    ------
    UserError
        The features are missing or made for other parameters, or there is too little disk space.
    """
    with FeatureStore(layout.features) as store:
        existing, rows = store.manifest, store.rows
    splits = pd.read_parquet(layout.splits)
    held_out = splits.loc[splits["fold"] == HOLDOUT, "image"]
    rest = swap_roles(rows[~rows["image"].isin(held_out)], existing)
    drawn_demo = bool(read_json(layout.validation)["demo"])
    cached = params.train.mode == "features"
    own = FeaturesStageParams.of(params)
    manifest, frozen = plan_network(own, drawn_demo, cached, existing)
    if manifest != existing:
        raise UserError(
            str(layout.features),
            "the features must be made with the same parameters and code",
            "features of others",
            "Run `facegender features`.",
        )
    if cached:
        target, earlier = layout.fold_features, [layout.features, layout.fold_features]
        compute_missing(Work(layout, own, manifest, rest, target, earlier), frozen)
    else:
        write_without_views(layout.fold_features, manifest, rest)


def swap_roles(rows: pd.DataFrame, manifest: Manifest) -> pd.DataFrame:
    """Rows that validate as such that train and, where that makes a difference, the other way round."""
    trained = rows[~rows["augmented"]].assign(augmented=True)
    judged = rows[rows["augmented"]].assign(augmented=False)
    parts = [trained] if manifest.precision == manifest.augmented_precision else [trained, judged]
    return pd.concat(parts, ignore_index=True)
