"""The stages of a cross-validation."""

import sys
from typing import Annotated

import typer

from facegender.cli.options import ARTIFACTS, DATA, PARAMS, ArtifactsOption, DataOption, ParamsOption
from facegender.files.layout import Layout
from facegender.files.stage_outputs import require


def fold_features(
    params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS
) -> None:
    """Augment the validation rows too, which train in a cross-validation; leave fold_features/."""
    from facegender.params.reading import read_params
    from facegender.runtime.tensorflow_import import import_tensorflow

    layout, values = Layout(data, artifacts), read_params(params)
    require(layout, "validate", "split", "features")
    import_tensorflow()
    from facegender.cross_validation.fold_features import fold_features as stage

    stage(layout, values)


def train_folds(
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
    artifacts: ArtifactsOption = ARTIFACTS,
    fold: Annotated[int | None, typer.Option(min=0, help="Train this fold alone, and leave it for the rest.")] = None,
) -> None:
    """Train cross_validate.folds times, each validated on rows of its own; leave folds/.

    A killed run goes on with the folds that are missing.
    """
    from facegender.params.reading import read_params

    layout, values = Layout(data, artifacts), read_params(params)
    require(layout, "validate", "split", "features", "fold-features")
    if fold is None:
        from facegender.cross_validation.train_folds import train_folds as stage

        options = ("--params", str(params), "--data", str(data), "--artifacts", str(artifacts))
        stage(layout, values, [sys.executable, "-m", "facegender", "train-folds", *options])
        return
    from facegender.runtime.cores import share_cores
    from facegender.runtime.tensorflow_import import import_tensorflow

    share_cores(values.cross_validate.processes)
    import_tensorflow()
    from facegender.cross_validation.train_fold import train_fold

    train_fold(layout, values, fold)


def cross_validate(
    params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS
) -> None:
    """Join the folds into one model, and judge every row by the fold that has not seen it; leave cross_validation/."""
    from facegender.params.reading import read_params
    from facegender.runtime.tensorflow_import import import_tensorflow

    layout, values = Layout(data, artifacts), read_params(params)
    require(layout, "validate", "split", "features", "fold-features", "train-folds")
    import_tensorflow()
    from facegender.cross_validation.cross_validate import cross_validate as stage

    stage(layout, values)
