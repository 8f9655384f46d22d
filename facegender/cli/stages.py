"""One command a stage, in the order in which they run."""

from pathlib import Path
from typing import Annotated

import typer

from facegender.cli.options import ARTIFACTS, DATA, PARAMS, ArtifactsOption, DataOption, ParamsOption
from facegender.files.layout import Layout
from facegender.files.stage_outputs import require


def validate(params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS) -> None:
    """Check every CSV row and decode every image; leave index.parquet and validation.json."""
    from facegender.data.validate import validate as stage
    from facegender.params.reading import read_params

    layout, values = Layout(data, artifacts), read_params(params)
    stage(layout, values.data, values.validation, layout.index, layout.validation)


def split(params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS) -> None:
    """Set validation rows apart, by class, with no duplicates on two sides; leave splits.parquet."""
    from facegender.data.split import split as stage
    from facegender.params.reading import read_params

    layout, values = Layout(data, artifacts), read_params(params)
    require(layout, "validate")
    stage(layout.index, values.split, layout.splits)


def features(params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS) -> None:
    """Run the frozen part of the backbone once per image and view; leave features/."""
    from facegender.features.features import features as stage
    from facegender.params.reading import read_params
    from facegender.runtime.tensorflow_import import import_tensorflow

    layout, values = Layout(data, artifacts), read_params(params)
    require(layout, "validate", "split")
    import_tensorflow()
    stage(layout, values)


def train(params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS) -> None:
    """Train the head, then the last layers; resume where a killed training stood; leave model/."""
    from facegender.params.reading import read_params
    from facegender.runtime.tensorflow_import import import_tensorflow

    layout, values = Layout(data, artifacts), read_params(params)
    require(layout, "validate", "split", "features")
    import_tensorflow()
    from facegender.training.train import train as stage

    stage(layout, values)


def evaluate(params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS) -> None:
    """Score the validation images with the saved model; leave metrics, plots and report.html in evaluation/."""
    from facegender.evaluation.evaluate import evaluate as stage
    from facegender.params.reading import read_params
    from facegender.params.stage_params import EvaluateStageParams

    layout, values = Layout(data, artifacts), read_params(params)
    require(layout, "validate", "split", "features", "train")
    stage(layout, EvaluateStageParams.of(values))


def submit(
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
    artifacts: ArtifactsOption = ARTIFACTS,
    model: Annotated[
        Path | None, typer.Option(help="Another model, evaluated.", show_default="model in --artifacts")
    ] = None,
) -> None:
    """Score the test images; leave submission.csv in the form of sample_submission.csv, beside the model's folder."""
    from facegender.params.reading import read_params
    from facegender.scoring.submit import submit as stage

    layout, values = Layout(data, artifacts), read_params(params)
    require(layout, "validate", *(() if model else ("train",)))
    folder = model or layout.model
    beside = Layout(data, folder.resolve().parent) if model else layout
    stage(
        folder,
        beside.decision,
        layout,
        layout.index,
        layout.validation,
        values.submit,
        beside.submission,
        beside.predictions_test,
    )
