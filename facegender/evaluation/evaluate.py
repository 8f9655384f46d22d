"""The stage `evaluate`: score the validation rows' image files, and leave what a person and a machine can read of it.

Leaves in its folder: metrics.json (for `dvc metrics`), slices.json, decision.json, predictions.parquet, suspects.csv
(where features are cached), reference.parquet and embeddings.npy (what `score` compares new pictures with),
report.html, model_card.md and plots/*.svg; and for `dvc plots`, each a list of records:
plots/roc.json (false_positive_rate, true_positive_rate), plots/precision_recall.json (recall, precision),
plots/confusion.json (actual, predicted; a record for each row, as DVC's confusion template counts them),
plots/reliability.json and plots/reliability_raw.json (probability, observed), plots/coverage_risk.json (coverage,
accuracy).
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from facegender.decision.classes import Classes, read_classes
from facegender.decision.decision import Choices, Decision, cross_fit, fit, judge
from facegender.decision.threshold import Slices, sliced_column
from facegender.errors import UserError
from facegender.evaluation.against_champion import read_champion
from facegender.evaluation.gradcam import heat_maps
from facegender.evaluation.label_issues import find_suspects
from facegender.evaluation.override_effect import read_overrides
from facegender.evaluation.report.facts import data_hash
from facegender.evaluation.slices import members, read_attributes
from facegender.evaluation.write import Found, Made, write_evaluation
from facegender.files.atomic import atomic_folder
from facegender.files.image_names import ImagePaths, lookup_all
from facegender.files.json_files import read_json
from facegender.files.layout import Layout
from facegender.files.parquet import read, read_rows
from facegender.files.splits import trains, validates
from facegender.params.sections import EvaluateParams
from facegender.params.stage_params import EvaluateStageParams
from facegender.pictures.traits import read_traits
from facegender.runtime.memory import trim
from facegender.scoring.reference import EMBEDDINGS, tabulate_measurements, write_reference, write_reference_embeddings
from facegender.statistics.intervals import FloatArray


def evaluate(layout: Layout, params: EvaluateStageParams) -> None:
    """Score the rows kept from training and write the evaluation folder, whole or not at all.

    Calibration, threshold and abstention are fitted on the validation rows. What is reported is the holdout where there
    is one, else the validation rows, cross-fitted.

    Raises
    ------
    UserError
        No row is set apart for validation, or one of their images can no longer be read.
    """
    from facegender.scoring.score import score  # imports TensorFlow

    classes = read_classes(layout.model)
    table = read(layout.splits, ["image", "label", "group", "fold"])
    held = held_rows(table, layout.splits)
    fingerprint = data_hash(read(layout.index, ["image", "role", "label", "sha256"]))
    trim()
    made = Made(pd.read_csv(layout.model / "history.csv"), read_json(layout.model / "provenance.json"))
    with atomic_folder(layout.evaluation) as folder:
        embeddings = folder / "every_embedding.npy"  # on disk, where they take 2.5 kB a row
        scores = score(
            layout.model, ImagePaths(layout.images, held["image"]), params.scoring.tta, embeddings=embeddings
        )
        refuse_unreadable(held["image"], scores.reasons)
        probabilities = scores.probabilities
        del scores
        found = Found(
            layout.index,
            fingerprint,
            table,
            read_json(layout.validation),
            suspects_of(layout.features, table, classes, params.evaluate),
            read_overrides(layout.label_overrides),
            read_champion(layout.champion, classes),
        )
        trim()
        slices = slices_to_equalise(held, layout, found, params)
        decision, predictions = judge_rows(
            held, probabilities.astype(np.float64), classes, choices(params.evaluate), slices
        )
        decision = replace(decision, views=params.scoring.tta)
        predictions["views"] = params.scoring.tta
        traits = read_traits(held["image"], layout.images, layout.index)
        trim()
        write_evaluation(
            folder,
            predictions,
            decision,
            classes,
            made,
            found,
            traits.iloc[lookup_all(predictions["image"], held["image"])],
            params,
            layout,
            os.path.relpath(layout.images, layout.evaluation),
            partial(heat_maps, layout.model),
        )
        del found, table, predictions  # all of the rows again, and no longer wanted
        trim()
        far = write_reference_embeddings(embeddings, folder / EMBEDDINGS)
        embeddings.unlink()
        brightness, side = (np.asarray(traits[name].astype(float)) for name in ("brightness", "shorter side"))
        measured = tabulate_measurements(decision.answer(probabilities), far, brightness, side)
        hashes = read_rows(layout.index, held["image"], ["sha256"])["sha256"]
        write_reference(folder, held["image"], hashes, measured)


def held_rows(splits: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The validation rows and the holdout, in the split's order.

    Raises
    ------
    UserError
        There are no validation rows.
    """
    if not validates(splits["fold"]).any():
        expected = "at least one row must be set apart for validation"
        raise UserError(str(path), expected, None, "Raise split.validation.")
    return splits[~trains(splits["fold"])].reset_index(drop=True)


def refuse_unreadable(images: Sequence[str] | pd.Series, reasons: list[str | None]) -> None:
    """Every validation image was decoded by `validate`; one that no longer can be has changed since."""
    for image, reason in zip(images, reasons, strict=True):
        if reason is not None:
            raise UserError(
                f"images/{image}",
                "a validation image must be as it was when `validate` read it",
                reason,
                "Restore the file, or run the pipeline again from `validate`.",
            )


def choices(params: EvaluateParams) -> Choices:
    """What params leave to be fitted on validation rows."""
    return Choices(params.calibration, params.threshold, params.abstain_error, params.crossfit_folds, params.seed)


def suspects_of(features: Path, splits: pd.DataFrame, classes: Classes, params: EvaluateParams) -> pd.DataFrame | None:
    """The labelled rows by how wrong their labels look; None where no features are cached to judge them by."""
    if not features.is_dir():
        return None
    return find_suspects(features, splits, classes.positive, params.crossfit_folds, params.seed)


def slices_to_equalise(held: pd.DataFrame, data: Layout, found: Found, params: EvaluateStageParams) -> Slices | None:
    """The slices of the `held` rows that the threshold's rule names; None where it names none.

    Raises
    ------
    UserError
        There is no such column.
    """
    column = sliced_column(params.evaluate.threshold)
    if column is None:
        return None
    path = data.data / params.data.attributes
    attributes = read_attributes(path, found.facts["image_column"])
    if attributes is None or column not in attributes.columns:
        columns = "no such file" if attributes is None else ", ".join(map(str, attributes.columns))
        expected = f"equal_error must name a column of {path.name}: {columns}"
        raise UserError("params.yaml, evaluate.threshold", expected, column)
    values = attributes[column].reindex(held["image"]).reset_index(drop=True)
    return Slices(members(values, params.evaluate.min_slice), params.evaluate.threshold_cost)


def judge_rows(
    held: pd.DataFrame, raw: FloatArray, classes: Classes, choices: Choices, slices: Slices | None = None
) -> tuple[Decision, pd.DataFrame]:
    """Fit the decision on the validation rows, and judge rows it has not seen.

    Returns
    -------
    The decision, and predictions.parquet: image, label, probability (calibrated, of the positive class), predicted,
    fold, group, raw_probability (the model's own), abstain, covered (the conformal set holds the label).
    """
    positive = (held["label"] == classes.positive).to_numpy(dtype=bool)
    validation = validates(held["fold"])
    groups = held["group"].to_numpy(dtype=np.int64)
    decision = fit(
        positive[validation], raw[validation], groups[validation], choices, slices and slices.take(validation)
    )
    if validation.all():
        shown = validation
        judged = cross_fit(positive, raw, groups, choices, slices)
    else:
        shown = ~validation
        judged = judge(decision, positive[shown], raw[shown])
    rows = held if validation.all() else held[shown].reset_index(drop=True)
    predictions = pd.DataFrame(
        {
            "image": rows["image"],
            "label": rows["label"],
            "probability": judged.answers.probability,
            "predicted": np.where(judged.answers.positive, classes.positive, classes.negative),
            "fold": rows["fold"],
            "group": rows["group"],
            "raw_probability": raw[shown],
            "abstain": judged.answers.abstain,
            "covered": judged.covered,
        }
    )
    return decision, predictions
