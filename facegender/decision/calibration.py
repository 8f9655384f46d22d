"""Calibration: make a probability of 0.8 come true in 80% of cases, by a monotone function fitted on held-out rows.

Temperature scaling (Guo et al. 2017, section 4.2) divides the logit by one number. Isotonic regression (Zadrozny and
Elkan 2002) fits any non-decreasing function and needs a thousand rows or more. Neither reverses the order of two faces.
"""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

import numpy as np

from facegender.statistics.intervals import FloatArray
from facegender.statistics.metrics import CLIP, BoolArray

Method = Literal["none", "temperature", "isotonic"]

MAX_TEMPERATURE: Final = 100.0
BISECTIONS: Final = 60  # of an interval 9 wide in log temperature: more than enough for 6 digits


@dataclass(frozen=True)
class Calibrator:
    """A fitted function from the model's probability to the calibrated one.

    Attributes
    ----------
    method
        How it was fitted.
    temperature
        Divisor of the logit; 1 for any other method.
    steps
        Points of an isotonic fit: (probability, calibrated) in ascending order, joined by straight lines. Empty for
        any other method.

    Examples
    --------
    At temperature 2 logits halve: log(4) becomes log(2), so 0.8 becomes 2/3.

    >>> Calibrator("temperature", 2.0).apply(np.array([0.8, 0.5])).round(3).tolist()
    [0.667, 0.5]
    """

    method: Method
    temperature: float = 1.0
    steps: tuple[tuple[float, float], ...] = ()

    def apply(self, probabilities: FloatArray) -> FloatArray:
        """Calibrate probabilities of the positive class: float64 (n,) in [0, 1]. NaN stays NaN."""
        if self.method == "temperature":
            return sigmoid(logit(probabilities) / self.temperature)
        if self.method == "isotonic":
            known, calibrated = np.array(self.steps).T
            joined: FloatArray = np.interp(probabilities, known, calibrated)
            return np.where(np.isnan(probabilities), np.nan, joined)
        return probabilities.astype(np.float64)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that the method uses, as JSON values."""
        if self.method == "temperature":
            return {"method": self.method, "temperature": self.temperature}
        if self.method == "isotonic":
            return {"method": self.method, "steps": [list(step) for step in self.steps]}
        return {"method": self.method}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build a calibrator from what `as_dict` returned."""
        steps = tuple((float(known), float(calibrated)) for known, calibrated in values.get("steps", []))
        return cls(values["method"], float(values.get("temperature", 1.0)), steps)


def logit(probabilities: FloatArray) -> FloatArray:
    """Compute log(p / (1 - p)): float64 (n,). Probabilities are clipped by float32's epsilon, so all are finite."""
    clipped = np.clip(probabilities.astype(np.float64), CLIP, 1 - CLIP)
    return np.log(clipped) - np.log1p(-clipped)


def sigmoid(logits: FloatArray) -> FloatArray:
    """Compute 1 / (1 + exp(-x)) without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * logits))


def fit_calibrator(method: Method, positive: BoolArray, probabilities: FloatArray) -> Calibrator:
    """Fit a calibrator on rows that training did not see.

    Parameters
    ----------
    positive
        bool (n,): True where the label is the positive class.
    probabilities
        float64 (n,): the model's own probabilities of the positive class.
    """
    if method == "temperature":
        return Calibrator("temperature", temperature=fit_temperature(positive, probabilities))
    if method == "isotonic":
        return Calibrator("isotonic", steps=_fit_isotonic(positive, probabilities))
    return Calibrator("none")


def fit_temperature(positive: BoolArray, probabilities: FloatArray) -> float:
    """Find the temperature with the lowest log loss, between 1/100 and 100; rounded to 6 digits.

    The loss is convex in 1 / T. So its slope, the sum of (sigmoid(z / T) - y) z, changes sign once: bisect for that.
    """
    logits = logit(probabilities)
    low, high = -math.log(MAX_TEMPERATURE), math.log(MAX_TEMPERATURE)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        slope = float(np.sum((sigmoid(logits / math.exp(middle)) - positive) * logits))
        if slope > 0:  # the probabilities are too extreme
            low = middle
        else:
            high = middle
    return float(f"{math.exp((low + high) / 2):.6g}")


def _fit_isotonic(positive: BoolArray, probabilities: FloatArray) -> tuple[tuple[float, float], ...]:
    # never 0 or 1: n rows of one label do not prove that no other row exists (Laplace's rule of succession)
    margin = 1 / (len(positive) + 2)
    from sklearn.isotonic import IsotonicRegression  # takes seconds, and applying a calibration does not need it

    fitted = IsotonicRegression(y_min=margin, y_max=1 - margin).fit(probabilities, positive.astype(np.float64))
    pairs = zip(fitted.X_thresholds_, fitted.y_thresholds_, strict=True)
    return tuple((round(float(known), 6), round(float(calibrated), 6)) for known, calibrated in pairs)
