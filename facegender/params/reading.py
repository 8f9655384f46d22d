"""Reading params.yaml: it is checked before anything runs, and a mistake is told with its place."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from facegender.errors import UserError
from facegender.params.sections import Params


def read_params(path: Path) -> Params:
    """Read and check a params file.

    Raises
    ------
    UserError
        The file is missing, is no YAML, or a key or value is not one that exists.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise UserError(str(path), "the parameter file must exist", None, "Name one with --params.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(str(path), "the file must be YAML", str(error).replace("\n", " ")) from None
    return validate_params(values, str(path))


def validate_params(values: dict[str, Any], where: str) -> Params:
    """The parameters that a params file holds; `where` names it to the user.

    Raises
    ------
    UserError
        A key or value is not one that exists.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        errors = error.errors()
        key, first = _place(values, errors[0]["loc"]), errors[0]
        if first["type"] == "extra_forbidden":
            raise UserError(f"{where}, {key}", "no such parameter", None, "Check its spelling.") from None
        # of a value that may be of several kinds, pydantic has an error for each
        said = dict.fromkeys(one["msg"] for one in errors if _place(values, one["loc"]) == key)
        message = " or ".join(said).removeprefix("Value error, ")
        raise UserError(f"{where}, {key}", message, repr(first["input"])) from None


def _place(values: Any, parts: tuple[int | str, ...]) -> str:
    """The keys that lead to a value, without the kind that pydantic names behind them."""
    keys = []
    for part in parts:
        if not isinstance(values, dict | list) or (isinstance(values, list) and isinstance(part, str)):
            break
        keys.append(str(part))
        values = values[part] if isinstance(values, list) else values.get(part)  # type: ignore[index]
    return ".".join(keys)
