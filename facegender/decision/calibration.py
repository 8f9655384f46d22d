"""Calibration: probabilities that come true as often as they say, by one monotone function fitted on held rows.

Temperature scaling (Guo et al. 2017, section 4.2) divides the logit by one number; isotonic regression (Zadrozny and
Elkan 2002) fits any rising steps and wants a thousand rows or more. Neither changes the order of two faces.
"""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from facegender.statistics.intervals import FloatArray
from facegender.statistics.metrics import CLIP, BoolArray

Method = Literal["none", "temperature", "isotonic"]

MAX_TEMPERATURE: Final = 100.0
HALVINGS: Final = 60  # of the interval of log temperatures, 9 wide: exact to the last bit that matters


@dataclass(frozen=True)
class Calibrator:
    """A fitted function from the model's probability to the calibrated one.

    Attributes
    ----------
    temperature
        1 where the method is another one.
    steps
        Of an isotonic fit: (probability, calibrated) in rising order, joined by straight lines.
    """

    method: Method
    temperature: float = 1.0
    steps: tuple[tuple[float, float], ...] = ()

    def apply(self, probabilities: FloatArray) -> FloatArray:
        """Calibrated probabilities, float64 (n,); NaN stays NaN."""
        if self.method == "temperature":
            return sigmoid(logit(probabilities) / self.temperature)
        if self.method == "isotonic":
            known, calibrated = np.array(self.steps).T
            joined: FloatArray = np.interp(probabilities, known, calibrated)
            return np.where(np.isnan(probabilities), np.nan, joined)
        return probabilities.astype(np.float64)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; only what the method has."""
        if self.method == "temperature":
            return {"method": self.method, "temperature": self.temperature}
        if self.method == "isotonic":
            return {"method": self.method, "steps": [list(step) for step in self.steps]}
        return {"method": self.method}


def calibrator_from(values: dict[str, Any]) -> Calibrator:
    """The inverse of `as_dict`."""
    steps = tuple((float(known), float(calibrated)) for known, calibrated in values.get("steps", []))
    return Calibrator(values["method"], float(values.get("temperature", 1.0)), steps)


def logit(probabilities: FloatArray) -> FloatArray:
    """log(p / (1 - p)), finite: 0 and 1 count as float32's nearest neighbours of them."""
    clipped = np.clip(probabilities.astype(np.float64), CLIP, 1 - CLIP)
    return np.log(clipped) - np.log1p(-clipped)


def sigmoid(logits: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)) without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * logits))


def fit(method: Method, positive: BoolArray, probabilities: FloatArray) -> Calibrator:
    """Fit on rows that training did not see: labels bool (n,), probabilities float64 (n,)."""
    if method == "temperature":
        return Calibrator("temperature", temperature=fit_temperature(positive, probabilities))
    if method == "isotonic":
        return Calibrator("isotonic", steps=_fit_steps(positive, probabilities))
    return Calibrator("none")


def fit_temperature(positive: BoolArray, probabilities: FloatArray) -> float:
    """The temperature of the lowest log loss, between 1/100 and 100; rounded to 6 digits.

    The loss is convex in 1 / T, so its slope, the sum of (sigmoid(z / T) - y) z, changes sign once.
    """
    logits = logit(probabilities)
    low, high = -math.log(MAX_TEMPERATURE), math.log(MAX_TEMPERATURE)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        slope = float(np.sum((sigmoid(logits / math.exp(middle)) - positive) * logits))
        if slope > 0:  # the probabilities are too extreme
            low = middle
        else:
            high = middle
    return float(f"{math.exp((low + high) / 2):.6g}")


def _fit_steps(positive: BoolArray, probabilities: FloatArray) -> tuple[tuple[float, float], ...]:
    # never 0 or 1: a step of n rows alike has still not shown that no other row exists (Laplace's rule)
    margin = 1 / (len(positive) + 2)
    from sklearn.isotonic import IsotonicRegression  # seconds that whoever only applies a calibration need not wait

    fitted = IsotonicRegression(y_min=margin, y_max=1 - margin).fit(probabilities, positive.astype(np.float64))
    pairs = zip(fitted.X_thresholds_, fitted.y_thresholds_, strict=True)
    return tuple((round(float(known), 6), round(float(calibrated), 6)) for known, calibrated in pairs)
