"""Read params.yaml and validate it before anything runs; an error names the file, the key and the value."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from facegender.errors import UserError
from facegender.params.sections import Params


def read_params(path: Path) -> Params:
    """Read and validate a parameter file.

    Raises
    ------
    UserError
        The file is missing or not YAML, or has an unknown key or an invalid value.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise UserError(str(path), "the parameter file must exist", None, "Name one with --params.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(str(path), "the file must be YAML", str(error).replace("\n", " ")) from None
    return validate_params(values, str(path))


def validate_params(values: dict[str, Any], where: str) -> Params:
    """Validate the content of a parameter file.

    Parameters
    ----------
    values
        Sections by name, each a mapping of keys to values.
    where
        Name of the source in error messages.

    Raises
    ------
    UserError
        A key is unknown, or a value is invalid.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        errors = error.errors()
        key, first = _place(values, errors[0]["loc"]), errors[0]
        if first["type"] == "extra_forbidden":
            raise UserError(f"{where}, {key}", "no such parameter", None, "Check its spelling.") from None
        # if a value may have several types, pydantic reports one error for each
        said = dict.fromkeys(one["msg"] for one in errors if _place(values, one["loc"]) == key)
        message = " or ".join(said).removeprefix("Value error, ")
        raise UserError(f"{where}, {key}", message, repr(first["input"])) from None


def _place(values: Any, parts: tuple[int | str, ...]) -> str:
    """Return the dotted key of a value, without the type names that pydantic appends to its location."""
    keys = []
    for part in parts:
        if not isinstance(values, dict | list) or (isinstance(values, list) and isinstance(part, str)):
            break
        keys.append(str(part))
        values = values[part] if isinstance(values, list) else values.get(part)  # type: ignore[index]
    return ".".join(keys)
