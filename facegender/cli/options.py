"""Options that several commands share, and the width of their output."""

import sys
from pathlib import Path
from typing import Annotated

import typer

ParamsOption = Annotated[Path, typer.Option("--params", help="Parameter file.")]
DataOption = Annotated[
    Path, typer.Option("--data", help="Folder with images/, train.csv, test.csv and sample_submission.csv.")
]
ArtifactsOption = Annotated[Path, typer.Option("--artifacts", help="Folder for the outputs of the stages.")]

PARAMS = Path("params.yaml")
DATA = Path("data")
ARTIFACTS = Path("artifacts")
PIPE_WIDTH = 160


def output_width() -> int | None:
    """Return the width in columns, or None for the terminal's own. A pipe has no width, and rich's 80 breaks paths."""
    return None if sys.stdout.isatty() else PIPE_WIDTH
