"""From the model's probability to an answer: calibration, threshold, and when to abstain.

`Decision.answer` is the only place that applies the three.

Chosen by `evaluate` on the validation rows and stored as decision.json, which submit and predict read. What is reported
of those very rows is cross-fitted: no row is judged by a choice that saw it or a row of its group.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from facegender.decision import calibration
from facegender.decision.calibration import Calibrator, calibrator_from
from facegender.decision.conformal import abstains, fit_quantile, sets
from facegender.decision.threshold import Rule, Slices, choose_threshold
from facegender.errors import UserError
from facegender.files.json_files import read_json
from facegender.statistics.intervals import FloatArray, IntArray
from facegender.statistics.metrics import BoolArray, log_losses
from facegender.statistics.stratify import assign


@dataclass(frozen=True)
class Choices:
    """What params say: how to calibrate, which threshold, and the error that conformal sets allow."""

    calibration: calibration.Method
    threshold: Rule
    error: float
    folds: int
    seed: int


@dataclass(frozen=True)
class Answers:
    """What a decision makes of n probabilities.

    Attributes
    ----------
    probability
        Calibrated, of the positive class: float64 (n,). NaN where the model gave none.
    positive
        bool (n,): the positive class is answered. False where there is no probability.
    abstain
        bool (n,): the model should abstain. True where there is no probability.
    """

    probability: FloatArray
    positive: BoolArray
    abstain: BoolArray


@dataclass(frozen=True)
class Decision:
    """What was fitted.

    Attributes
    ----------
    threshold
        Calibrated probability from which the positive class is answered.
    quantile
        Of the conformal sets for `error`.
    views
        In which a picture was scored (see facegender/scoring/tta.py); all of this holds for pictures scored alike.
    """

    calibrator: Calibrator
    threshold: float
    error: float
    quantile: float
    views: int = 1

    def as_dict(self) -> dict[str, Any]:
        """decision.json."""
        return {
            "calibration": self.calibrator.as_dict(),
            "threshold": self.threshold,
            "abstention": {"error": self.error, "quantile": self.quantile},
            "views": self.views,
        }

    def answer(self, raw: npt.NDArray[np.floating[Any]]) -> Answers:
        """Answer the model's own probabilities of the positive class, (n,); NaN where a picture could not be read."""
        probability = self.calibrator.apply(raw.astype(np.float64))
        positive = probability >= self.threshold
        return Answers(probability, positive, abstains(probability, positive, self.quantile))


PLAIN: Final = Decision(Calibrator("none"), threshold=0.5, error=1.0, quantile=1.0)  # of a model before its evaluation


@dataclass(frozen=True)
class Judged:
    """Labelled rows with their answers.

    Attributes
    ----------
    covered
        bool (n,): the conformal set holds the label.
    """

    answers: Answers
    covered: BoolArray


def read_decision(path: Path) -> Decision:
    """decision.json, as `evaluate` left it.

    Raises
    ------
    UserError
        There is none.
    """
    if not path.exists():
        remedy = "Run `facegender evaluate`, which chooses calibration and threshold."
        raise UserError(str(path), "the model must have been evaluated", "no such file", remedy)
    values = read_json(path)
    abstention = values["abstention"]
    calibrator = calibrator_from(values["calibration"])
    error, quantile = float(abstention["error"]), float(abstention["quantile"])
    views = int(values.get("views", 1))  # a model promoted before there were several has no such key
    return Decision(calibrator, float(values["threshold"]), error, quantile, views)


def decision_beside(model: Path) -> Decision | None:
    """The decision that belongs to a model folder, or None where it has not been evaluated yet.

    An exported model brings its own; else it is that of the evaluation beside the folder.
    """
    for path in (model / "decision.json", model.resolve().parent / "evaluation" / "decision.json"):
        if path.exists():
            return read_decision(path)
    return None


def fit(
    positive: BoolArray,
    probabilities: FloatArray,
    groups: IntArray,
    choices: Choices,
    slices: Slices | None = None,
) -> Decision:
    """Fit all three on the same rows: labels bool (n,), the model's probabilities float64 (n,), groups int64 (n,)."""
    return _fit(positive, probabilities, _that_helps(positive, probabilities, groups, choices), slices)


def _fit(positive: BoolArray, probabilities: FloatArray, choices: Choices, slices: Slices | None) -> Decision:
    calibrator = calibration.fit(choices.calibration, positive, probabilities)
    calibrated = calibrator.apply(probabilities)
    # stored figures are rounded, so that another BLAS or platform stores the same
    threshold = round(choose_threshold(choices.threshold, positive, calibrated, slices), 6)
    quantile = round(fit_quantile(positive, calibrated, choices.error), 6)
    return Decision(calibrator, threshold, choices.error, quantile)


def _that_helps(positive: BoolArray, probabilities: FloatArray, groups: IntArray, choices: Choices) -> Choices:
    """The choices, with their calibration only where that helps on rows that the fit did not see.

    Helps: the cross-fitted log loss falls by more than the standard error of its fall (the one-standard-error rule,
    Hastie et al. 2009, section 7.10). A model that is calibrated already would only take on the fit's noise.
    """
    calibrated = probabilities.copy()
    for rest, here in _folds(positive, groups, choices):
        fitted = calibration.fit(choices.calibration, positive[rest], probabilities[rest])
        calibrated[here] = fitted.apply(probabilities[here])
    fall = log_losses(positive, probabilities) - log_losses(positive, calibrated)
    helps = fall.mean() > fall.std() / np.sqrt(len(fall))
    return choices if helps else replace(choices, calibration="none")


def judge(decision: Decision, positive: BoolArray, probabilities: FloatArray) -> Judged:
    """Answer rows that the decision was not fitted on."""
    answers = decision.answer(probabilities)
    holds_negative, holds_positive = sets(answers.probability, decision.quantile)
    return Judged(answers, np.where(positive, holds_positive, holds_negative))


def cross_fit(
    positive: BoolArray,
    probabilities: FloatArray,
    groups: IntArray,
    choices: Choices,
    slices: Slices | None = None,
) -> Judged:
    """Answer each row by a decision fitted on the other folds, which hold no row of its group.

    Whether there is a calibration at all is decided once, on all rows: what is told is of the model as it answers.
    Where a class has fewer than two groups nothing can be fitted on other rows: each is judged by the model's own
    probability, and the model abstains from all of them, for no set of one label keeps a promise that was not fitted.
    """
    judged = judge(_unfitted(choices), positive, probabilities)
    chosen = _that_helps(positive, probabilities, groups, choices)
    for rest, here in _folds(positive, groups, choices):
        decision = _fit(positive[rest], probabilities[rest], chosen, slices and slices.take(rest))
        fold = judge(decision, positive[here], probabilities[here])
        judged.covered[here] = fold.covered
        for name in ("probability", "positive", "abstain"):
            getattr(judged.answers, name)[here] = getattr(fold.answers, name)
    return judged


def _unfitted(choices: Choices) -> Decision:
    threshold = 0.5 if isinstance(choices.threshold, str) else choices.threshold
    return Decision(Calibrator("none"), threshold, choices.error, 1.0)


def _folds(positive: BoolArray, groups: IntArray, choices: Choices) -> list[tuple[IntArray, IntArray]]:
    fewest = min(len(np.unique(groups[positive])), len(np.unique(groups[~positive])))
    count = min(choices.folds, fewest)
    if count < 2:
        return []
    numbered = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    rng = np.random.default_rng(choices.seed)
    fold = assign(positive.astype(np.int64), numbered, np.full(count, 1 / count), rng)
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(count)]
