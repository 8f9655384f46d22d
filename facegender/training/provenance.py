"""What a training depends on, and what a model's folder says about how the model was made."""

import platform
from importlib.metadata import version
from typing import Any

import pandas as pd

from facegender import __version__
from facegender.features.store import Manifest, hash_rows
from facegender.params.sections import TrainParams
from facegender.runtime.code_fingerprint import fingerprint_with_imports


def list_dependencies(
    params: TrainParams, manifest: Manifest, table: pd.DataFrame, module: str = "facegender.training.train"
) -> dict[str, Any]:
    """List everything that decides a training's result: a checkpoint with other dependencies is not resumed.

    `module`: the module that runs the training; its code and all that it imports count, as they do for DVC.
    """
    rows = sum(int(hashes.sum()) for hashes in hash_rows(table[["image", "sha256", "label", "fold"]]))
    return {
        "train": params.model_dump(),
        "manifest": manifest.__dict__,
        "rows": rows % 2**64,
        "versions": collect_versions(),
        "code": fingerprint_with_imports(module),
    }


def collect_versions() -> dict[str, str]:
    """Return the versions of everything that decides a training's result."""
    packages = {name: version(name) for name in ("tensorflow", "keras", "numpy")}
    return {"facegender": __version__, "python": platform.python_version(), **packages}


def build_provenance(manifest: Manifest, params: TrainParams, trained: int, total: int, demo: bool) -> dict[str, Any]:
    """Build provenance.json for a model of `total` parameters, `trained` of which are trained."""
    return {
        "backbone": manifest.backbone,
        "weights": manifest.weights,
        "cut": manifest.cut,
        "trained_layers": manifest.trained_layers,
        "parameters": {"trained": trained, "all": total},
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
        "versions": collect_versions(),
        "demo": demo,
    }
