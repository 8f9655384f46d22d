"""Stage `fold_features`: compute what a cross-validation needs in addition to the features of `features`.

In artifacts/features a row either trains, in several views and possibly in bfloat16, or validates, in view 0 and in
float32. In a cross-validation it does both. This stage computes each row in its other role, once for all folds, in a
folder of its own. So the main pipeline's features stay unchanged, and both pipelines read them.
"""

import pandas as pd

from facegender.errors import UserError
from facegender.features.features import compute_missing, plan_network, write_without_views
from facegender.features.store import FeatureStore, Manifest
from facegender.features.work import Work
from facegender.files.json_files import read_json
from facegender.files.layout import Layout
from facegender.files.splits import held_out
from facegender.params.stage_params import FeaturesStageParams


def fold_features(layout: Layout, params: FeaturesStageParams) -> None:
    """Bring artifacts/fold_features up to date with artifacts/features.

    Raises
    ------
    UserError
        The features are missing or have other parameters, or there is too little disk space.
    """
    with FeatureStore(layout.features) as store:
        existing, rows = store.manifest, store.rows
    splits = pd.read_parquet(layout.splits)
    holdout = splits.loc[held_out(splits["fold"]), "image"]
    rest = swap_roles(rows[~rows["image"].isin(holdout)], existing)
    drawn_demo = bool(read_json(layout.validation)["demo"])
    cached = params.train.mode == "features"
    manifest, frozen = plan_network(params, drawn_demo, cached, existing)
    if manifest != existing:
        raise UserError(
            str(layout.features),
            "the features must be made with the same parameters and code",
            "features made with others",
            "Run `facegender features`.",
        )
    if cached:
        target, earlier = layout.fold_features, [layout.features, layout.fold_features]
        compute_missing(Work(layout, params, manifest, rest, target, earlier), frozen)
    else:
        write_without_views(layout.fold_features, manifest, rest)


def swap_roles(rows: pd.DataFrame, manifest: Manifest) -> pd.DataFrame:
    """Turn validation rows into training rows and, if their precision differs, training rows into validation rows."""
    trained = rows[~rows["augmented"]].assign(augmented=True)
    judged = rows[rows["augmented"]].assign(augmented=False)
    parts = [trained] if manifest.precision == manifest.augmented_precision else [trained, judged]
    return pd.concat(parts, ignore_index=True)
