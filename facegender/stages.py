"""The table of stages: one row each, read by the commands, the check for missing inputs and the tests.

A stage is a function `stage(layout, params)`. It reads files of the layout, computes, and writes its outputs complete
or not at all. The type of `params` says which values of params.yaml it receives (see params/stage_params.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from facegender.errors import UserError
from facegender.files.layout import Layout


@dataclass(frozen=True)
class Stage:
    """One stage of the pipeline.

    Attributes
    ----------
    name
        Name of its command. dvc.yaml uses underscores instead of hyphens.
    function
        "module:function", imported only when the stage runs.
    after
        Names of the stages whose outputs it reads.
    outputs
        Attributes of `Layout` that name its output files and folders.
    summary
        One sentence for `--help`.
    uses_tensorflow
        True if the command must call `import_tensorflow` before it loads the function.
    """

    name: str
    function: str
    after: tuple[str, ...]
    outputs: tuple[str, ...]
    summary: str
    uses_tensorflow: bool = False

    def output_paths(self, layout: Layout) -> list[Path]:
        """List the paths of its output files and folders."""
        return [getattr(layout, output) for output in self.outputs]

    def load(self) -> Callable[..., None]:
        """Import the function and return it."""
        module, _, name = self.function.partition(":")
        loaded: Callable[..., None] = getattr(import_module(module), name)
        return loaded


PIPELINE: Final = (
    Stage(
        "validate",
        "facegender.data.validate:validate",
        after=(),
        outputs=("index", "validation"),
        summary="Check every CSV row and decode every image; write index.parquet and validation.json.",
    ),
    Stage(
        "split",
        "facegender.data.split:split",
        after=("validate",),
        outputs=("splits",),
        summary="Choose the validation rows, stratified by class, duplicates kept together; write splits.parquet.",
    ),
    Stage(
        "features",
        "facegender.features.features:features",
        after=("validate", "split"),
        outputs=("features",),
        summary="Run the frozen part of the backbone once per image and view; write features/.",
        uses_tensorflow=True,
    ),
    Stage(
        "train",
        "facegender.training.train:train",
        after=("validate", "split", "features"),
        outputs=("model", "live"),
        summary="Train the head and the last layers, or resume a killed training; write model/ and dvclive/.",
        uses_tensorflow=True,
    ),
    Stage(
        "evaluate",
        "facegender.evaluation.evaluate:evaluate",
        after=("validate", "split", "features", "train"),
        outputs=("evaluation",),
        summary="Score the validation images with the saved model; write metrics, plots and report to evaluation/.",
    ),
    Stage(
        "submit",
        "facegender.scoring.submit:submit",
        after=("validate", "train", "evaluate"),
        outputs=("submission", "predictions_test"),
        summary="Score the test images; write submission.csv in the form of sample_submission.csv.",
    ),
)

CROSS_VALIDATION: Final = (
    Stage(
        "fold-features",
        "facegender.cross_validation.fold_features:fold_features",
        after=("validate", "split", "features"),
        outputs=("fold_features",),
        summary="Compute views of the validation rows, which a cross-validation trains on; write fold_features/.",
        uses_tensorflow=True,
    ),
    Stage(
        "train-folds",
        "facegender.cross_validation.train_folds:train_folds",
        after=("validate", "split", "features", "fold-features"),
        outputs=("folds",),
        summary="Train one model per fold (cross_validate.folds), each validated on its own rows; write folds/.",
    ),
    Stage(
        "cross-validate",
        "facegender.cross_validation.cross_validate:cross_validate",
        after=("validate", "split", "features", "fold-features", "train-folds"),
        outputs=("cross_validation",),
        summary="Join the folds into one model and score each row by the fold that has not seen it; write "
        "cross_validation/.",
        uses_tensorflow=True,
    ),
)

STAGES: Final = {stage.name: stage for stage in (*PIPELINE, *CROSS_VALIDATION)}


def require_outputs(layout: Layout, *names: str) -> None:
    """Check that the outputs of these stages exist.

    Raises
    ------
    UserError
        An output is missing. The message names the first stage to run.
    """
    for name in names:
        for path in STAGES[name].output_paths(layout):
            if not path.exists():
                remedy = f"Run `facegender {name}` and the stages after it in order, or run `dvc repro`."
                raise UserError(str(path), f"must exist: the stage {name} writes it", "nothing", remedy)
