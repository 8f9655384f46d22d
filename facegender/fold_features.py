"""Stage `fold_features`: the augmented views that a cross-validation needs beside those of `features`.

Rows that only ever validate have no augmented views in artifacts/features. In a cross-validation they train too. Their
views are computed once, whatever the number of folds, and lie in a folder of their own, so that the features that the
main pipeline has made stay as they are and are read by both.
"""

import json

import pandas as pd

from facegender.errors import UserError
from facegender.features import make, plan_network, write_nothing
from facegender.features_work import Work
from facegender.layout import Layout
from facegender.params import Params
from facegender.split import HOLDOUT
from facegender.store import FeatureStore


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
    rest = rows[~rows["augmented"] & ~rows["image"].isin(held_out)].assign(augmented=True).reset_index(drop=True)
    drawn_demo = bool(json.loads(layout.validation.read_text())["demo"])
    cached = params.train.mode == "features"
    manifest, frozen = plan_network(params, drawn_demo, cached, existing)
    if manifest != existing:
        raise UserError(
            str(layout.features),
            "the features must be made with the same parameters and code",
            "features of others",
            "Run `facegender features`.",
        )
    if cached:
        make(
            Work(layout, params, manifest, rest, layout.fold_features, [layout.features, layout.fold_features]), frozen
        )
    else:
        write_nothing(layout.fold_features, manifest, rest)
