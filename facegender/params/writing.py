"""Write parameters into params.yaml and keep its comments; convert between sections and dotted names."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from ruamel.yaml import YAML

from facegender.files.atomic import atomic_file


def write_params(path: Path, changes: Mapping[str, JsonValue]) -> None:
    """Set parameters in a YAML file by dotted name ("train.epochs"). Every other line and comment is unchanged."""
    edit = YAML()
    edit.width = 4096  # no line is wrapped
    edit.representer.add_representer(type(None), write_null)
    values: Any = edit.load(path) or {}
    for name, value in changes.items():
        section, _, key = name.partition(".")
        values.setdefault(section, {})[key] = value
    with atomic_file(path) as file:
        edit.dump(values, file)


def write_null(representer: Any, _: None) -> Any:
    """Write None as `null`, as params.yaml does; ruamel.yaml would write an empty value."""
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def format_value(value: JsonValue) -> str:
    """Format a value as YAML writes it.

    Examples
    --------
    >>> format_value(True), format_value(None), format_value("auto")
    ('true', 'null', 'auto')
    """
    return value if isinstance(value, str) else json.dumps(value)


def flatten(sections: Mapping[str, Mapping[str, JsonValue]]) -> dict[str, JsonValue]:
    """Convert sections to dotted names.

    Examples
    --------
    >>> flatten({"train": {"epochs": 5}})
    {'train.epochs': 5}
    """
    return {f"{section}.{key}": value for section, values in sections.items() for key, value in values.items()}


def unflatten(changes: Mapping[str, JsonValue]) -> dict[str, dict[str, JsonValue]]:
    """Convert dotted names to sections.

    Examples
    --------
    >>> unflatten({"train.epochs": 5})
    {'train': {'epochs': 5}}
    """
    sections: dict[str, dict[str, JsonValue]] = {}
    for name, value in changes.items():
        section, _, key = name.partition(".")
        sections.setdefault(section, {})[key] = value
    return sections


def merge_changes(sections: Mapping[str, Mapping[str, JsonValue]], changes: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Return the sections with changes (by dotted name) applied; the arguments are not modified.

    Examples
    --------
    >>> merge_changes({"train": {"epochs": 8, "dropout": 0.5}}, {"train.epochs": 2})
    {'train': {'epochs': 2, 'dropout': 0.5}}
    """
    new = unflatten(changes)
    return {name: {**sections.get(name, {}), **new.get(name, {})} for name in {**sections, **new}}
