"""The choice of the engine that scores a model's pictures: it is exported and compared with the model first."""

from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from facegender.files.json_files import write_json
from facegender.network.engine import (
    Engine,
    Images,
    OpenVinoEngine,
    TensorFlowEngine,
    Values,
    has_openvino,
    to_openvino,
)
from facegender.params.sections import EngineParams

MAX_DIFFERENCE = 0.01  # in probability, from TensorFlow in float32
BATCH = 32


@dataclass(frozen=True)
class Agreement:
    """How an engine's probabilities compare with TensorFlow's on `n` of the user's own pictures.

    `flipped` counts pictures on the other side of 0.5 if TensorFlow's probability is over `MAX_DIFFERENCE` from 0.5.
    """

    engine: str
    n: int
    largest_difference: float
    flipped: int

    @property
    def agrees(self) -> bool:
        """Whether the engine may replace TensorFlow."""
        return self.largest_difference <= MAX_DIFFERENCE and self.flipped == 0

    def describe(self, precision: str) -> str:
        """Describe the result for the log; `precision` is the value of `scoring.precision`."""
        verdict = "used for scoring" if self.is_accepted(precision) else "not used"
        if not self.agrees and self.is_accepted(precision):
            verdict += " nevertheless, because scoring.precision asks for it"
        return (
            f"{self.engine} differs from TensorFlow by at most {self.largest_difference:.4f} in probability "
            f"on {self.n} images, {self.flipped} labels flipped: {verdict}"
        )

    def is_accepted(self, precision: str) -> bool:
        """Whether the engine scores: a user who asks for bfloat16 by name gets it, although it is always inexact."""
        return self.agrees or precision == "bfloat16"


def export_engine(model: keras.Model, folder: Path, images: Images, params: EngineParams) -> list[Agreement]:
    """Write openvino.xml and .bin, and engine.json, which names the engine for scoring.

    `auto` takes the first of OpenVINO bfloat16, OpenVINO float32 and TensorFlow that agrees with TensorFlow. The order,
    fastest first, is fixed and not measured, because equal models must give equal folders. If the user asks for
    bfloat16 by name, it is used whatever its difference, which the log and engine.json report.

    Parameters
    ----------
    images
        uint8 (n, s, s, 3): a sample of the user's own pictures.
    """
    checks: list[Agreement] = []
    choice = {"engine": "tensorflow", "precision": "float32"}
    if params.engine != "tensorflow" and has_openvino():
        network = to_openvino(model, folder)
        _save_network(network, folder)
        reference = run(TensorFlowEngine(model), images)
        wanted = ["bfloat16", "float32"] if params.precision == "auto" else [params.precision]
        for precision in wanted:
            engine = OpenVinoEngine(network, precision)
            check = compare(engine.name, run(engine, images), reference)
            checks.append(check)
            if check.is_accepted(params.precision):
                choice = {"engine": "openvino", "precision": precision}
                break
    content = {**choice, "agreement": [_round_difference(check) for check in checks]}
    write_json(folder / "engine.json", content)
    return checks


def compare(name: str, values: Values, reference: Values) -> Agreement:
    """Compare an engine's probabilities (n,) with the reference's."""
    difference = np.abs(values - reference)
    sides = (values >= 0.5) != (reference >= 0.5)
    flipped = sides & (np.abs(reference - 0.5) > MAX_DIFFERENCE)
    return Agreement(name, len(values), float(difference.max(initial=0.0)), int(flipped.sum()))


def run(engine: Engine, images: Images) -> Values:
    """Return the probabilities (n,) of pictures."""
    batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
    return np.concatenate([values.reshape(-1) for values in engine.map(batches)])


def _round_difference(check: Agreement) -> dict[str, object]:
    # further digits differ from run to run with the threads' order of summation
    return {**asdict(check), "largest_difference": round(check.largest_difference, 4)}


def _save_network(network: object, folder: Path) -> None:
    from facegender.network.engine import import_openvino

    import_openvino().save_model(network, folder / "openvino.xml", compress_to_fp16=False)
