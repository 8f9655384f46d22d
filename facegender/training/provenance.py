"""What a training depends on, and what a model's folder says of how it was made."""

import platform
from importlib.metadata import version
from typing import Any

import pandas as pd

from facegender import __version__
from facegender.features.store import Manifest
from facegender.params.sections import TrainParams
from facegender.runtime.code_fingerprint import fingerprint_with_imports

AT_ONCE = 4096  # rows hashed together: pandas makes Python objects of their strings


def depends_on(
    params: TrainParams, manifest: Manifest, table: pd.DataFrame, module: str = "facegender.training.train"
) -> dict[str, Any]:
    """All that decides how a training goes: a checkpoint of anything else is not resumed.

    `module`: what runs it, whose code counts with all that it imports, as it does for DVC.
    """
    seen = table[["image", "sha256", "label", "fold"]]
    parts = (seen.iloc[start : start + AT_ONCE] for start in range(0, len(seen), AT_ONCE))
    rows = sum(int(pd.util.hash_pandas_object(part, index=False).sum()) for part in parts)
    return {
        "train": params.model_dump(),
        "manifest": manifest.__dict__,
        "rows": rows % 2**64,
        "versions": versions(),
        "code": fingerprint_with_imports(module),
    }


def versions() -> dict[str, str]:
    """Of what decides how a training goes."""
    packages = {name: version(name) for name in ("tensorflow", "keras", "numpy")}
    return {"facegender": __version__, "python": platform.python_version(), **packages}


def provenance(manifest: Manifest, params: TrainParams, trained: int, every: int, demo: bool) -> dict[str, Any]:
    """provenance.json of a model with `trained` trained parameters of `every` that it has."""
    return {
        "backbone": manifest.backbone,
        "weights": manifest.weights,
        "cut": manifest.cut,
        "trained_layers": manifest.trained_layers,
        "parameters": {"trained": trained, "all": every},
        "params": {
            "augment": manifest.augment,
            "features": {
                "views": manifest.views,
                "seed": manifest.seed,
                "precision": manifest.precision,
                "augmented_precision": manifest.augmented_precision,
            },
            "train": params.model_dump(),
        },
        "versions": versions(),
        "demo": demo,
    }
