"""The stage `evaluate`: score the validation images with the saved model, and write figures, plots and a report.

It writes into its folder: metrics.json (for `dvc metrics`), slices.json, decision.json, predictions.parquet,
suspects.csv (if features are cached), reference.parquet and embeddings.npy (which `score` compares new pictures with),
report.html, model_card.md and plots/*.svg; and for `dvc plots`, each a list of records:
plots/roc.json (false_positive_rate, true_positive_rate), plots/precision_recall.json (recall, precision),
plots/confusion.json (actual, predicted; a record for each row, as DVC's confusion template counts them),
plots/reliability.json and plots/reliability_raw.json (probability, observed), plots/coverage_risk.json (coverage,
accuracy).
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from facegender.decision.classes import Classes
from facegender.decision.decision import Decision
from facegender.decision.fitting import Choices, answer_labelled, cross_fit, fit_decision
from facegender.decision.threshold import Slices
from facegender.errors import UserError
from facegender.evaluation.breakdowns import slices_to_equalise
from facegender.evaluation.gradcam import heat_maps
from facegender.evaluation.inputs import Evaluation, read_extras, read_inputs
from facegender.evaluation.predictions import choices_from, make_predictions
from facegender.evaluation.write import write_evaluation
from facegender.files.atomic import atomic_folder
from facegender.files.image_names import ImagePaths, lookup_all
from facegender.files.layout import Layout
from facegender.files.parquet import read_rows
from facegender.files.splits import trains, validates
from facegender.params.stage_params import EvaluateStageParams
from facegender.pictures.traits import read_traits
from facegender.runtime.memory import release_freed
from facegender.scoring.reference import EMBEDDINGS, tabulate_measurements, write_reference, write_reference_embeddings
from facegender.statistics.intervals import FloatArray


def evaluate(layout: Layout, params: EvaluateStageParams) -> None:
    """Score the rows kept out of training and write the evaluation folder, which appears whole or not at all.

    Calibration, threshold and abstention are fitted on the validation rows. The reported rows are the holdout if there
    is one; otherwise they are the validation rows, cross-fitted.

    Raises
    ------
    UserError
        No row is set apart for validation, or an image can no longer be read.
    """
    inputs = read_inputs(layout)
    held = held_rows(inputs.splits, layout.splits)
    with atomic_folder(layout.evaluation) as folder:
        embeddings = folder / "every_embedding.npy"  # on disk: they take 2.5 kB a row
        probabilities = score_rows(held["image"], layout, params.scoring.tta, embeddings)
        extras = read_extras(layout, inputs, params.evaluate)
        slices = slices_to_equalise(held, layout, inputs, params)
        decision, predictions = judge_rows(
            held, probabilities.astype(np.float64), inputs.classes, choices_from(params.evaluate), slices
        )
        decision = replace(decision, views=params.scoring.tta)
        predictions["views"] = params.scoring.tta
        traits = read_traits(held["image"], layout.images, layout.index)
        release_freed()
        reported = traits.iloc[lookup_all(predictions["image"], held["image"])]
        evaluation = Evaluation(inputs, extras, decision, predictions, reported)
        write_evaluation(folder, evaluation, layout, params, partial(heat_maps, layout.model))
        del inputs, extras, predictions, reported, evaluation  # they hold all rows, and are no longer needed
        release_freed()
        measured = measure_reference(folder, embeddings, probabilities, traits, decision)
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


def score_rows(images: "pd.Series[str]", layout: Layout, views: int, embeddings: Path) -> npt.NDArray[np.float32]:
    """Score the images with the saved model: float32 (n,), of the positive class. Write their embeddings to a file."""
    from facegender.scoring.score import score  # imports TensorFlow

    scores = score(layout.model, ImagePaths(layout.images, images), views, embeddings=embeddings)
    refuse_unreadable(images, scores.reasons)
    return scores.probabilities


def measure_reference(
    folder: Path, embeddings: Path, probabilities: npt.NDArray[np.float32], traits: pd.DataFrame, decision: Decision
) -> pd.DataFrame:
    """Measure what `score` compares of new pictures; keep some embeddings in `folder`, and delete the file of all."""
    far = write_reference_embeddings(embeddings, folder / EMBEDDINGS)
    embeddings.unlink()
    brightness, side = (np.asarray(traits[name].astype(float)) for name in ("brightness", "shorter side"))
    return tabulate_measurements(decision.answer(probabilities), far, brightness, side)


def refuse_unreadable(images: Sequence[str] | pd.Series, reasons: list[str | None]) -> None:
    """Raise for an image that cannot be read: `validate` could read it, so the file has changed since."""
    for image, reason in zip(images, reasons, strict=True):
        if reason is not None:
            raise UserError(
                f"images/{image}",
                "a validation image must be as it was when `validate` read it",
                reason,
                "Restore the file, or run the pipeline again from `validate`.",
            )


def judge_rows(
    held: pd.DataFrame, raw: FloatArray, classes: Classes, choices: Choices, slices: Slices | None = None
) -> tuple[Decision, pd.DataFrame]:
    """Fit the decision on the validation rows, and judge rows that it was not fitted on.

    Returns
    -------
    The decision, and predictions.parquet of the judged rows (see `make_predictions`).
    """
    positive = (held["label"] == classes.positive).to_numpy(dtype=bool)
    validation = validates(held["fold"])
    groups = held["group"].to_numpy(dtype=np.int64)
    decision = fit_decision(
        positive[validation], raw[validation], groups[validation], choices, slices and slices.select(validation)
    )
    if validation.all():
        shown = validation
        judged = cross_fit(positive, raw, groups, choices, slices)
    else:
        shown = ~validation
        judged = answer_labelled(decision, positive[shown], raw[shown])
    rows = held if validation.all() else held[shown].reset_index(drop=True)
    return decision, make_predictions(rows, raw[shown], judged, classes)
