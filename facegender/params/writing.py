"""Changing params.yaml without losing its comments."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from ruamel.yaml import YAML

from facegender.files.atomic import atomic_file


def write_params(path: Path, changes: Mapping[str, JsonValue]) -> None:
    """Set parameters of a file, by dotted name ("train.epochs"); every other line and comment stays as it is."""
    edit = YAML()
    edit.width = 4096  # no line is broken anew
    edit.representer.add_representer(type(None), write_null)
    values: Any = edit.load(path) or {}
    for name, value in changes.items():
        section, _, key = name.partition(".")
        values.setdefault(section, {})[key] = value
    with atomic_file(path) as file:
        edit.dump(values, file)


def write_null(representer: Any, _: None) -> Any:
    """As params.yaml has it; ruamel would leave the place empty."""
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def format_value(value: JsonValue) -> str:
    """A value as the file has it: true, where Python says True."""
    return value if isinstance(value, str) else json.dumps(value)


def flatten(sections: Mapping[str, Mapping[str, JsonValue]]) -> dict[str, JsonValue]:
    """{"train": {"epochs": 5}} as {"train.epochs": 5}."""
    return {f"{section}.{key}": value for section, values in sections.items() for key, value in values.items()}


def unflatten(changes: Mapping[str, JsonValue]) -> dict[str, dict[str, JsonValue]]:
    """{"train.epochs": 5} as {"train": {"epochs": 5}}."""
    sections: dict[str, dict[str, JsonValue]] = {}
    for name, value in changes.items():
        section, _, key = name.partition(".")
        sections.setdefault(section, {})[key] = value
    return sections


def merge_changes(sections: Mapping[str, Mapping[str, JsonValue]], changes: Mapping[str, JsonValue]) -> dict[str, Any]:
    """The sections with what changes, by dotted name; neither is touched."""
    new = unflatten(changes)
    return {name: {**sections.get(name, {}), **new.get(name, {})} for name in {**sections, **new}}
