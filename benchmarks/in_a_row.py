"""Peer "plain functions": the six stages one after the other in one process, which caches nothing."""

from pathlib import Path

from facegender.cli.stages import run_stage
from facegender.files.layout import Layout
from facegender.params.reading import read_params
from facegender.stages import PIPELINE

layout, params = Layout(Path("data"), Path("artifacts")), read_params(Path("params.yaml"))
for stage in PIPELINE:
    run_stage(stage, layout, params)
