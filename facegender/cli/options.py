"""What several commands have in common: their options, and how wide they print."""

import sys
from pathlib import Path
from typing import Annotated

import typer

ParamsOption = Annotated[Path, typer.Option("--params", help="The parameter file.")]
DataOption = Annotated[Path, typer.Option("--data", help="images/, train.csv, test.csv, sample_submission.csv.")]
ArtifactsOption = Annotated[Path, typer.Option("--artifacts", help="Where the stages leave and find their files.")]

PARAMS = Path("params.yaml")
DATA = Path("data")
ARTIFACTS = Path("artifacts")
PIPE_WIDTH = 160


def width() -> int | None:
    """Columns; None: the terminal's. A pipe has none of its own, and the default of 80 breaks paths."""
    return None if sys.stdout.isatty() else PIPE_WIDTH
