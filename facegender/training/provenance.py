"""What a training depends on, and what a model's folder says of how it was made."""

import platform
from importlib.metadata import version
from typing import Any

import pandas as pd

from facegender import __version__
from facegender.features.store import Manifest, hash_rows
from facegender.params.sections import TrainParams
from facegender.runtime.code_fingerprint import code_of


def list_dependencies(
    params: TrainParams, manifest: Manifest, table: pd.DataFrame, module: str = "facegender.training.train"
) -> dict[str, Any]:
    """All that decides how a training goes: a checkpoint of anything else is not resumed.

    `module`: what runs it, whose code counts with all that it imports, as it does for DVC.
    """
    rows = sum(int(hashes.sum()) for hashes in hash_rows(table[["image", "sha256", "label", "fold"]]))
    return {
        "train": params.model_dump(),
        "manifest": manifest.__dict__,
        "rows": rows % 2**64,
        "versions": collect_versions(),
        "code": code_of(module),
    }


def collect_versions() -> dict[str, str]:
    """Of what decides how a training goes."""
    packages = {name: version(name) for name in ("tensorflow", "keras", "numpy")}
    return {"facegender": __version__, "python": platform.python_version(), **packages}


def build_provenance(manifest: Manifest, params: TrainParams, trained: int, every: int, demo: bool) -> dict[str, Any]:
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
        "versions": collect_versions(),
        "demo": demo,
    }
