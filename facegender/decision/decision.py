"""From the model's probability to an answer: calibration, threshold and abstention.

Only `Decision.answer` applies the three. `evaluate` fits them on the validation rows (facegender/decision/fitting.py)
and stores them as decision.json; submit and predict read that file.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from facegender.decision.calibration import Calibrator
from facegender.decision.conformal import should_abstain
from facegender.errors import UserError
from facegender.files.json_files import read_json
from facegender.statistics.intervals import FloatArray
from facegender.statistics.metrics import BoolArray


@dataclass(frozen=True)
class Answers:
    """The answers of a decision to n probabilities.

    Attributes
    ----------
    probability
        float64 (n,): calibrated probability of the positive class. NaN where the model gave none.
    positive
        bool (n,): True where the answer is the positive class. False where there is no probability.
    abstain
        bool (n,): True where the model should abstain, and where there is no probability.
    """

    probability: FloatArray
    positive: BoolArray
    abstain: BoolArray


@dataclass(frozen=True)
class Decision:
    """Calibration, threshold and abstention of one model.

    Attributes
    ----------
    calibrator
        Turns the model's own probability into the calibrated one.
    threshold
        Lowest calibrated probability that is answered with the positive class.
    error
        Share of rows whose conformal set may miss the label.
    quantile
        Quantile of the conformal sets, fitted for `error`.
    views
        Number of views that the scores are averaged over (see facegender/scoring/tta.py). The decision holds only for
        pictures that are scored in as many.

    Examples
    --------
    At temperature 2, 0.8 becomes 2/3, and 0.5 stays. The sets tolerate 1 - p up to 0.45: at 0.5 the set is empty.

    >>> decision = Decision(Calibrator("temperature", 2.0), threshold=0.6, error=0.1, quantile=0.45)
    >>> answers = decision.answer(np.array([0.8, 0.5]))
    >>> answers.probability.round(3).tolist(), answers.positive.tolist(), answers.abstain.tolist()
    ([0.667, 0.5], [True, False], [False, True])
    """

    calibrator: Calibrator
    threshold: float
    error: float
    quantile: float
    views: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Return the content of decision.json."""
        return {
            "calibration": self.calibrator.as_dict(),
            "threshold": self.threshold,
            "abstention": {"error": self.error, "quantile": self.quantile},
            "views": self.views,
        }

    def answer(self, raw: npt.NDArray[np.floating[Any]]) -> Answers:
        """Turn the model's own probabilities into answers.

        Parameters
        ----------
        raw
            Floats (n,): probability of the positive class; NaN where a picture could not be read.
        """
        probability = self.calibrator.apply(raw.astype(np.float64))
        positive = probability >= self.threshold
        return Answers(probability, positive, should_abstain(probability, positive, self.quantile))


# for a model that has not been evaluated
DEFAULT_DECISION: Final = Decision(Calibrator("none"), threshold=0.5, error=1.0, quantile=1.0)


def read_decision(path: Path) -> Decision:
    """Read decision.json, as `evaluate` wrote it.

    Raises
    ------
    UserError
        The file is missing.
    """
    if not path.exists():
        remedy = "Run `facegender evaluate`, which chooses calibration and threshold."
        raise UserError(str(path), "the model must have been evaluated", "no such file", remedy)
    values = read_json(path)
    abstention = values["abstention"]
    calibrator = Calibrator.from_dict(values["calibration"])
    error, quantile = float(abstention["error"]), float(abstention["quantile"])
    views = int(values.get("views", 1))  # absent in a model promoted before there were several
    return Decision(calibrator, float(values["threshold"]), error, quantile, views)


def find_decision(model: Path) -> Decision | None:
    """Read the decision that belongs to a model folder; return None if the model has not been evaluated yet.

    An exported model has its own decision.json. For any other model it is in the folder `evaluation` beside it.
    """
    for path in (model / "decision.json", model.resolve().parent / "evaluation" / "decision.json"):
        if path.exists():
            return read_decision(path)
    return None
