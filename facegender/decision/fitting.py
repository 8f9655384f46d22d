"""Fit a decision on labelled rows, and answer rows that the fit did not see.

`evaluate` fits on the validation rows. Results reported for those same rows are cross-fitted: each row is answered by a
decision that was fitted without it and without any row of its group.
"""

from dataclasses import dataclass, replace

import numpy as np

from facegender.decision.calibration import Calibrator, Method, fit_calibrator
from facegender.decision.conformal import fit_quantile, prediction_sets
from facegender.decision.decision import Answers, Decision
from facegender.decision.threshold import Rule, Slices, choose_threshold
from facegender.statistics.intervals import FloatArray, IntArray
from facegender.statistics.metrics import BoolArray, log_losses
from facegender.statistics.stratify import assign


@dataclass(frozen=True)
class Choices:
    """What params.yaml chooses for a decision.

    Attributes
    ----------
    calibration
        How to calibrate; `fit_decision` drops a calibration that does not help.
    threshold
        A number, or a rule of `choose_threshold`.
    error
        Share of rows whose conformal set may miss the label.
    folds, seed
        Number of folds for cross-fitting, and the seed that assigns groups to them.
    """

    calibration: Method
    threshold: Rule
    error: float
    folds: int
    seed: int


@dataclass(frozen=True)
class LabelledAnswers:
    """The answers for labelled rows.

    Attributes
    ----------
    answers
        What the decision answers.
    covered
        bool (n,): True where the conformal set contains the label.
    """

    answers: Answers
    covered: BoolArray


def fit_decision(
    positive: BoolArray,
    probabilities: FloatArray,
    groups: IntArray,
    choices: Choices,
    slices: Slices | None = None,
) -> Decision:
    """Fit calibration, threshold and abstention on the same rows.

    Parameters
    ----------
    positive
        bool (n,): True where the label is the positive class.
    probabilities
        float64 (n,): the model's own probabilities of the positive class.
    groups
        int64 (n,): group number of each row.
    slices
        Needed by the rule `equal_error` only.
    """
    chosen = _drop_useless_calibration(positive, probabilities, groups, choices)
    return _fit_as_chosen(positive, probabilities, chosen, slices)


def _fit_as_chosen(positive: BoolArray, probabilities: FloatArray, choices: Choices, slices: Slices | None) -> Decision:
    calibrator = fit_calibrator(choices.calibration, positive, probabilities)
    calibrated = calibrator.apply(probabilities)
    # stored figures are rounded, so that another BLAS or platform stores the same ones
    threshold = round(choose_threshold(choices.threshold, positive, calibrated, slices), 6)
    quantile = round(fit_quantile(positive, calibrated, choices.error), 6)
    return Decision(calibrator, threshold, choices.error, quantile)


def _drop_useless_calibration(
    positive: BoolArray, probabilities: FloatArray, groups: IntArray, choices: Choices
) -> Choices:
    """Return the choices, without their calibration unless it helps on rows that its fit did not see.

    It helps if the cross-fitted log loss falls by more than the standard error of its fall (the one-standard-error
    rule, Hastie et al. 2009, section 7.10). A model that is calibrated already would only pick up the fit's noise.
    """
    calibrated = probabilities.copy()
    for rest, here in _cross_fit_folds(positive, groups, choices):
        fitted = fit_calibrator(choices.calibration, positive[rest], probabilities[rest])
        calibrated[here] = fitted.apply(probabilities[here])
    fall = log_losses(positive, probabilities) - log_losses(positive, calibrated)
    helps = fall.mean() > fall.std() / np.sqrt(len(fall))
    return choices if helps else replace(choices, calibration="none")


def answer_labelled(decision: Decision, positive: BoolArray, probabilities: FloatArray) -> LabelledAnswers:
    """Answer labelled rows that the decision was not fitted on, and check whether their sets contain the label."""
    answers = decision.answer(probabilities)
    has_negative, has_positive = prediction_sets(answers.probability, decision.quantile)
    return LabelledAnswers(answers, np.where(positive, has_positive, has_negative))


def cross_fit(
    positive: BoolArray,
    probabilities: FloatArray,
    groups: IntArray,
    choices: Choices,
    slices: Slices | None = None,
) -> LabelledAnswers:
    """Answer each row by a decision fitted on the other folds, none of which contains a row of its group.

    Whether to calibrate at all is decided once, on all rows, so that the results describe the model as it will answer.
    If a class has fewer than two groups, nothing can be fitted on other rows. Then each row is answered by the model's
    own probability, and the model abstains on all of them: an unfitted set guarantees no coverage.

    Parameters
    ----------
    positive, probabilities, groups, choices, slices
        See `fit_decision`.
    """
    labelled = answer_labelled(_unfitted_decision(choices), positive, probabilities)
    chosen = _drop_useless_calibration(positive, probabilities, groups, choices)
    for rest, here in _cross_fit_folds(positive, groups, choices):
        decision = _fit_as_chosen(positive[rest], probabilities[rest], chosen, slices and slices.select(rest))
        fold = answer_labelled(decision, positive[here], probabilities[here])
        labelled.covered[here] = fold.covered
        for name in ("probability", "positive", "abstain"):
            getattr(labelled.answers, name)[here] = getattr(fold.answers, name)
    return labelled


def _unfitted_decision(choices: Choices) -> Decision:
    threshold = 0.5 if isinstance(choices.threshold, str) else choices.threshold
    return Decision(Calibrator("none"), threshold, choices.error, 1.0)


def _cross_fit_folds(positive: BoolArray, groups: IntArray, choices: Choices) -> list[tuple[IntArray, IntArray]]:
    """List (rows to fit on, rows to answer) of each fold; empty if a class has fewer than two groups."""
    fewest = min(len(np.unique(groups[positive])), len(np.unique(groups[~positive])))
    count = min(choices.folds, fewest)
    if count < 2:
        return []
    numbered = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    rng = np.random.default_rng(choices.seed)
    fold = assign(positive.astype(np.int64), numbered, np.full(count, 1 / count), rng)
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(count)]
