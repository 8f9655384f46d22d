"""Presets: parameter sets for a purpose, as files with only the values that differ from the defaults.

They lie in the folder params/ beside params.yaml. `facegender search` writes its best parameters in the same form.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import JsonValue

from facegender.errors import UserError
from facegender.params.reading import read_params, validate_params
from facegender.params.sections import Params
from facegender.params.writing import flatten, merge_changes, write_params

DEFAULT: Final = "default"

Changes = dict[str, tuple[JsonValue, JsonValue]]


def presets_folder(params: Path) -> Path:
    """Return the folder that holds the presets of a params.yaml."""
    return params.parent / "params"


def preset_names(params: Path) -> list[str]:
    """Return the names of all presets that have a file, sorted."""
    return sorted(file.stem for file in presets_folder(params).glob("*.yaml") if file.stem != DEFAULT)


def read_preset(name: str, params: Path) -> dict[str, JsonValue]:
    """Read a preset's values, by dotted name.

    `default` has no file: it holds the default of every parameter that another preset sets.

    Parameters
    ----------
    name
        Name of a preset, or the path of a .yaml file of the same form.
    params
        Path of params.yaml; the presets are in the folder params/ beside it.

    Raises
    ------
    UserError
        No preset has this name, or its file has an unknown parameter or an invalid value.
    """
    if name == DEFAULT:
        usual = flatten_params(Params())
        return {key: usual[key] for other in preset_names(params) for key in read_preset(other, params)}
    path = Path(name) if name.endswith((".yaml", ".yml")) else presets_folder(params) / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join([*preset_names(params), DEFAULT])
        raise UserError("preset", f"must be one of {known}, or the path of a .yaml file", name)
    try:
        sections = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(str(path), "the file must be YAML", str(error).replace("\n", " ")) from None
    return normalise_sections(sections, str(path))


def normalise_sections(sections: Any, where: str) -> dict[str, JsonValue]:
    """Validate sections and return them by dotted name, each value with its parameter's type.

    "1e-4", a string in YAML 1.1, becomes a number.

    Raises
    ------
    UserError
        A parameter is unknown, or a value is invalid.
    """
    if not isinstance(sections, dict) or not all(isinstance(values, dict) for values in sections.values()):
        raise UserError(where, "must hold sections of params.yaml, each with some of its parameters", sections)
    known = flatten_params(validate_params(sections, where))
    return {name: None if value is None else known[name] for name, value in flatten(sections).items()}


def apply_preset(name: str, params: Path) -> Changes:
    """Write a preset into params.yaml and return the changes, as (before, after) by dotted name.

    Parameters that only other presets set return to their defaults. So applying one preset after another leaves the
    second, not a mixture of both.

    Raises
    ------
    UserError
        `read_preset` raises it; or the values are invalid together with the rest of params.yaml.
    """
    before = flatten_params(read_params(params))
    written: dict[str, Any] = yaml.safe_load(params.read_text(encoding="utf-8")) or {}
    wanted = {} if name.endswith((".yaml", ".yml")) else read_preset(DEFAULT, params)
    wanted |= read_preset(name, params)
    changed = {key: (before[key], value) for key, value in wanted.items() if before[key] != value}
    values = {key: value for key, (_, value) in changed.items()}
    validate_params(merge_changes(written, values), f"{params} with the preset {name}")
    if changed:
        write_params(params, values)
    return changed


def flatten_params(params: Params) -> dict[str, JsonValue]:
    """Return all parameters by dotted name, spelled as in params.yaml."""
    sections: Mapping[str, Mapping[str, JsonValue]] = params.model_dump(mode="json", by_alias=True)
    return flatten(sections)
