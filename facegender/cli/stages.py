"""Commands of the stages, made from the table of stages."""

import sys
from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from facegender.cli.options import ARTIFACTS, DATA, PARAMS, ArtifactsOption, DataOption, ParamsOption
from facegender.files.layout import Layout
from facegender.stages import CROSS_VALIDATION, PIPELINE, STAGES, Stage, require_outputs

if TYPE_CHECKING:  # `facegender --help` imports this module; pydantic would take longer than everything else
    from facegender.params.sections import Params
    from facegender.params.stage_params import StageParams

Command = Callable[..., None]


def run_stage(stage: Stage, layout: Layout, params: "Params") -> None:
    """Run a stage in this process; it receives only its own parameters."""
    if stage.uses_tensorflow:
        from facegender.runtime.tensorflow_import import import_tensorflow

        import_tensorflow()
    function = stage.load()
    kind: type[StageParams] = signature(function).parameters["params"].annotation
    function(layout, kind.of(params))


def make_command(stage: Stage) -> Command:
    """Make the command of a stage without options of its own."""

    def command(params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS) -> None:
        from facegender.params.reading import read_params

        layout, values = Layout(data, artifacts), read_params(params)
        require_outputs(layout, *stage.after)
        run_stage(stage, layout, values)

    command.__name__, command.__doc__ = stage.name.replace("-", "_"), stage.summary
    return command


def submit(
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
    artifacts: ArtifactsOption = ARTIFACTS,
    model: Annotated[
        Path | None, typer.Option(help="Evaluated model folder to use instead.", show_default="model in --artifacts")
    ] = None,
) -> None:
    """Score the test images; write submission.csv in the form of sample_submission.csv, beside the model folder."""
    from facegender.params.reading import read_params

    layout, values = Layout(data, artifacts), read_params(params)
    require_outputs(layout, *(("validate",) if model else STAGES["submit"].after))
    run_stage(STAGES["submit"], replace(layout, other_model=model), values)


def train_folds(
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
    artifacts: ArtifactsOption = ARTIFACTS,
    fold: Annotated[
        int | None, typer.Option(min=0, help="Train only this fold; without it, all missing folds are trained.")
    ] = None,
) -> None:
    """Train one model per fold (cross_validate.folds), each validated on its own rows; write folds/.

    A killed run that is started again trains only the missing folds.
    """
    from facegender.params.reading import read_params
    from facegender.params.stage_params import TrainFoldsStageParams

    layout, values = Layout(data, artifacts), TrainFoldsStageParams.of(read_params(params))
    require_outputs(layout, *STAGES["train-folds"].after)
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


WITH_OPTIONS: Final[dict[str, Command]] = {"submit": submit, "train-folds": train_folds}


def find_command(stage: Stage) -> Command:
    """Return the hand-written command of a stage, or make a standard one."""
    return WITH_OPTIONS.get(stage.name) or make_command(stage)


PIPELINE_COMMANDS: Final[tuple[Command, ...]] = tuple(find_command(stage) for stage in PIPELINE)
FOLD_COMMANDS: Final[tuple[Command, ...]] = tuple(find_command(stage) for stage in CROSS_VALIDATION)
