"""Peer of DVC and Prefect: the six stages called one after the other in one process, which remembers nothing."""

from pathlib import Path

from facegender.params.reading import read_params
from facegender.runtime.tensorflow_import import import_tensorflow

import_tensorflow()

from facegender.data import split, validate  # noqa: E402
from facegender.evaluation import evaluate  # noqa: E402
from facegender.features import features  # noqa: E402
from facegender.files import layout  # noqa: E402
from facegender.params.stage_params import EvaluateStageParams  # noqa: E402
from facegender.scoring import submit  # noqa: E402
from facegender.training import train  # noqa: E402

at, params = layout.Layout(Path("data"), Path("artifacts")), read_params(Path("params.yaml"))
validate.validate(at, params.data, params.validation, at.index, at.validation)
split.split(at.index, params.split, at.splits)
features.features(at, params)
train.train(at, params)
evaluate.evaluate(at, EvaluateStageParams.of(params))
submit.submit(
    at.model, at.decision, at, at.index, at.validation, params.submit, at.submission, at.predictions_test
)  # fmt: skip
