"""Which stage leaves which file, for a command that is run before what it builds on."""

from pathlib import Path

from facegender.errors import UserError
from facegender.files.layout import Layout


def require(layout: Layout, *stages: str) -> None:
    """See that these stages have left what they leave.

    Raises
    ------
    UserError
        Something is missing; it names the first stage to run.
    """
    for stage in stages:
        for path in left_by(layout)[stage]:
            if not path.exists():
                remedy = f"Run `facegender {stage}` and the stages behind it, in their order; or `dvc repro`."
                raise UserError(str(path), f"must be there already: the stage {stage} leaves it", "nothing", remedy)


def left_by(layout: Layout) -> dict[str, tuple[Path, ...]]:
    """The files by which each stage's end is known."""
    return {
        "validate": (layout.index, layout.validation),
        "split": (layout.splits,),
        "features": (layout.features,),
        "train": (layout.model,),
        "fold-features": (layout.fold_features,),
        "train-folds": (layout.folds,),
    }
