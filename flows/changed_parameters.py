"""Parameters that a command changes for one run: `--set NAME=VALUE` and `--preset NAME`."""

import re
from pathlib import Path
from typing import Any

import typer
import yaml
from pydantic import JsonValue

from facegender.errors import UserError
from facegender.params.presets import read_preset
from flows.options import PARAMETER_NAME


def read_changes(preset: str | None, assignments: list[str]) -> dict[str, JsonValue]:
    """Read a preset's values and the assignments, which take precedence; raise BadParameter for a wrong one."""
    return read_preset_values(preset) | dict(map(parse_assignment, assignments))


def read_preset_values(name: str | None) -> dict[str, JsonValue]:
    """Read a preset's values; none without a name."""
    try:
        return {} if name is None else dict(read_preset(name, Path("params.yaml")))
    except UserError as error:
        raise typer.BadParameter(str(error)) from None


def parse_assignment(text: str) -> tuple[str, Any]:
    """Parse "train.epochs=5" into name and value. The value is YAML, as in params.yaml."""
    name, sign, value = text.partition("=")
    try:
        if not sign or not re.fullmatch(PARAMETER_NAME, name):
            raise ValueError
        return name, yaml.safe_load(value)
    except (ValueError, yaml.YAMLError):
        expected = "must be NAME=VALUE with a name of params.yaml, such as train.epochs=5"
        raise typer.BadParameter(f"--set {expected}. Received: {text}") from None
