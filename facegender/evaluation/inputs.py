"""What `evaluate` reads: the files that earlier stages left, and what only some runs have."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from facegender.decision.classes import Classes, read_classes
from facegender.decision.decision import Decision
from facegender.evaluation.against_champion import read_champion
from facegender.evaluation.label_issues import find_suspects
from facegender.evaluation.override_effect import read_overrides
from facegender.evaluation.report.facts import data_hash
from facegender.files.json_files import read_json
from facegender.files.layout import Layout
from facegender.files.parquet import read
from facegender.params.sections import EvaluateParams
from facegender.runtime.memory import release_freed


@dataclass(frozen=True)
class Inputs:
    """What earlier stages left of the model and the data.

    Attributes
    ----------
    classes
        The model's two labels.
    history, provenance
        How `train` made the model: history.csv and provenance.json.
    index
        The path of index.parquet. Each step reads the few columns that it needs: the whole table takes 200 bytes an
        image.
    data_hash
        SHA-256 of the images' names, labels and contents (see `data_hash`).
    splits
        splits.parquet: image, label, group, fold.
    facts
        validation.json.
    """

    classes: Classes
    history: pd.DataFrame
    provenance: dict[str, Any]
    index: Path
    data_hash: str
    splits: pd.DataFrame
    facts: dict[str, Any]


@dataclass(frozen=True)
class Extras:
    """What only some runs have; None for what this run lacks.

    Attributes
    ----------
    suspects
        The labelled rows, ranked by how wrong their labels look (see `find_suspects`).
    overrides
        label_overrides.csv.
    champion
        predictions.parquet of the last promoted model, by image.
    """

    suspects: pd.DataFrame | None = None
    overrides: pd.DataFrame | None = None
    champion: pd.DataFrame | None = None


@dataclass(frozen=True)
class Evaluation:
    """The judged rows, with everything that the figures and the report need.

    Attributes
    ----------
    predictions
        predictions.parquet (see `make_predictions`).
    traits
        Properties of the pictures themselves (see `read_traits`), in the order of `predictions`.
    """

    inputs: Inputs
    extras: Extras
    decision: Decision
    predictions: pd.DataFrame
    traits: pd.DataFrame


def read_inputs(layout: Layout) -> Inputs:
    """Read what earlier stages left, and hash the data."""
    splits = read(layout.splits, ["image", "label", "group", "fold"])
    fingerprint = data_hash(read(layout.index, ["image", "role", "label", "sha256"]))
    release_freed()
    return Inputs(
        classes=read_classes(layout.model),
        history=pd.read_csv(layout.model / "history.csv"),
        provenance=read_json(layout.model / "provenance.json"),
        index=layout.index,
        data_hash=fingerprint,
        splits=splits,
        facts=read_json(layout.validation),
    )


def read_extras(layout: Layout, inputs: Inputs, params: EvaluateParams) -> Extras:
    """Find suspect labels if features are cached; read label overrides and the champion's predictions if they exist."""
    suspects = None
    if layout.features.is_dir():
        positive = inputs.classes.positive
        suspects = find_suspects(layout.features, inputs.splits, positive, params.crossfit_folds, params.seed)
    extras = Extras(suspects, read_overrides(layout.label_overrides), read_champion(layout.champion, inputs.classes))
    release_freed()
    return extras
