"""Presets: sets of parameters for a purpose, as files that hold only what differs from params.yaml.

They stand in the folder params/ beside params.yaml, whose own values remain the defaults. A search leaves its best
parameters in a file of the same form.
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
    """Where the presets of a params.yaml lie."""
    return params.parent / "params"


def preset_names(params: Path) -> list[str]:
    """Of the presets that have a file, sorted."""
    return sorted(file.stem for file in presets_folder(params).glob("*.yaml") if file.stem != DEFAULT)


def read_preset(name: str, params: Path) -> dict[str, JsonValue]:
    """A preset's values by dotted name; `name` may also be the path of such a file.

    `default` has no file: it holds the defaults of all that the others set.

    Raises
    ------
    UserError
        There is none of this name, or it holds what is no parameter.
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
    """Sections of parameters by dotted name, as params.yaml is read: "1e-4", to YAML a text, is the number.

    Raises
    ------
    UserError
        They are no parameters, or cannot have these values.
    """
    if not isinstance(sections, dict) or not all(isinstance(values, dict) for values in sections.values()):
        raise UserError(where, "must hold sections of params.yaml, each with some of its parameters", sections)
    known = flatten_params(validate_params(sections, where))
    return {name: None if value is None else known[name] for name, value in flatten(sections).items()}


def apply_preset(name: str, params: Path) -> Changes:
    """Write a preset into params.yaml; what changed, as (before, after) by name.

    What only other presets set goes back to its default, so that one preset after another is the latter, not a mixture
    of both.

    Raises
    ------
    UserError
        See `read_preset`; or together with params.yaml the values are not valid.
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
    """All parameters by dotted name, in the names of params.yaml."""
    sections: Mapping[str, Mapping[str, JsonValue]] = params.model_dump(mode="json", by_alias=True)
    return flatten(sections)
