"""Figures to compare the model's own with: those of other models, of other labels, and without near-duplicates."""

from typing import Any

import numpy as np

from facegender.evaluation.against_champion import compare_with_champion
from facegender.evaluation.figures import frozen_accuracy
from facegender.evaluation.inputs import Evaluation
from facegender.evaluation.leakage import find_copies, measure_without_copies
from facegender.evaluation.override_effect import measure_override_effect
from facegender.files.parquet import read
from facegender.params.stage_params import EvaluateStageParams
from facegender.statistics.metrics import JudgedRows


def compare_figures(
    evaluation: Evaluation, rows: JudgedRows, params: EvaluateStageParams, rng: np.random.Generator
) -> dict[str, Any]:
    """Compute the parts of metrics.json to compare the model's own figures with.

    near_duplicates always; suspects (how many labels look wrong) and frozen_accuracy if features are cached; overrides
    if a person has changed labels; against_champion if a model has been promoted.
    """
    inputs, extras, predictions = evaluation.inputs, evaluation.extras, evaluation.predictions
    bins, resamples = params.evaluate.calibration_bins, params.evaluate.bootstrap
    in_test = read(inputs.index, ["group"], [("role", "==", "test")])["group"]
    copies = find_copies(predictions, inputs.splits, in_test)
    figures: dict[str, Any] = {"near_duplicates": measure_without_copies(rows, copies, bins, resamples, rng)}
    if extras.suspects is not None:
        figures["suspects"] = {"flagged": int(extras.suspects["flagged"].sum()), "n": len(extras.suspects)}
        frozen = frozen_accuracy(predictions, extras.suspects)
        if frozen is not None:
            figures["frozen_accuracy"] = frozen.as_dict()
    if extras.overrides is not None:
        figures["overrides"] = measure_override_effect(predictions, extras.overrides)
    if extras.champion is not None:
        margin = params.compare.margin
        compared = compare_with_champion(extras.champion, predictions, inputs.classes, margin, resamples, rng)
        if compared is not None:
            figures["against_champion"] = compared
    return figures
