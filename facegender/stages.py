"""The table of stages: one row each, which the commands, the check for missing inputs and the tests all read.

A stage is a function `stage(layout, params)`: it reads files of the layout, computes, and writes its outputs whole or
not at all. The type of `params` says which values of params.yaml it receives (see params/stage_params.py).
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
    """One stage.

    Attributes
    ----------
    name
        Of its command; dvc.yaml has underscores for the hyphens.
    function
        "module:function", imported only when the stage runs.
    after
        The stages whose outputs it reads.
    outputs
        The attributes of `Layout` that name its files and folders.
    summary
        One sentence for `--help`.
    uses_tensorflow
        TensorFlow is to be imported before the function, by `import_tensorflow`.
    """

    name: str
    function: str
    after: tuple[str, ...]
    outputs: tuple[str, ...]
    summary: str
    uses_tensorflow: bool = False

    def left_in(self, layout: Layout) -> list[Path]:
        """Return the paths of its outputs."""
        return [getattr(layout, output) for output in self.outputs]

    def load(self) -> Callable[..., None]:
        """Import the function."""
        module, _, name = self.function.partition(":")
        loaded: Callable[..., None] = getattr(import_module(module), name)
        return loaded


PIPELINE: Final = (
    Stage(
        "validate",
        "facegender.data.validate:validate",
        after=(),
        outputs=("index", "validation"),
        summary="Check every CSV row and decode every image; leave index.parquet and validation.json.",
    ),
    Stage(
        "split",
        "facegender.data.split:split",
        after=("validate",),
        outputs=("splits",),
        summary="Set validation rows apart, by class, with no duplicates on two sides; leave splits.parquet.",
    ),
    Stage(
        "features",
        "facegender.features.features:features",
        after=("validate", "split"),
        outputs=("features",),
        summary="Run the frozen part of the backbone once per image and view; leave features/.",
        uses_tensorflow=True,
    ),
    Stage(
        "train",
        "facegender.training.train:train",
        after=("validate", "split", "features"),
        outputs=("model", "live"),
        summary="Train the head and the last layers; resume a killed training; leave model/ and dvclive/.",
        uses_tensorflow=True,
    ),
    Stage(
        "evaluate",
        "facegender.evaluation.evaluate:evaluate",
        after=("validate", "split", "features", "train"),
        outputs=("evaluation",),
        summary="Score the validation images with the saved model; leave metrics, plots and report in evaluation/.",
    ),
    Stage(
        "submit",
        "facegender.scoring.submit:submit",
        after=("validate", "train", "evaluate"),
        outputs=("submission", "predictions_test"),
        summary="Score the test images; leave submission.csv in the form of sample_submission.csv.",
    ),
)

CROSS_VALIDATION: Final = (
    Stage(
        "fold-features",
        "facegender.cross_validation.fold_features:fold_features",
        after=("validate", "split", "features"),
        outputs=("fold_features",),
        summary="Compute views of the validation rows too, which train in a cross-validation; leave fold_features/.",
        uses_tensorflow=True,
    ),
    Stage(
        "train-folds",
        "facegender.cross_validation.train_folds:train_folds",
        after=("validate", "split", "features", "fold-features"),
        outputs=("folds",),
        summary="Train cross_validate.folds times, each validated on rows of its own; leave folds/.",
    ),
    Stage(
        "cross-validate",
        "facegender.cross_validation.cross_validate:cross_validate",
        after=("validate", "split", "features", "fold-features", "train-folds"),
        outputs=("cross_validation",),
        summary="Join the folds into one model and judge each row by the fold that has not seen it; leave "
        "cross_validation/.",
        uses_tensorflow=True,
    ),
)

STAGES: Final = {stage.name: stage for stage in (*PIPELINE, *CROSS_VALIDATION)}


def require_outputs(layout: Layout, *names: str) -> None:
    """Check that these stages have left their outputs.

    Raises
    ------
    UserError
        An output is missing. The message names the first stage to run.
    """
    for name in names:
        for path in STAGES[name].left_in(layout):
            if not path.exists():
                remedy = f"Run `facegender {name}` and the stages after it, in their order; or run `dvc repro`."
                raise UserError(str(path), f"must exist: the stage {name} leaves it", "nothing", remedy)
