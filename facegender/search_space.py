"""The space that a search looks through: parameters of `train` that features do not depend on."""

import math
from collections.abc import Mapping
from typing import Final

import optuna
from pydantic import JsonValue

from facegender.errors import UserError
from facegender.params import Choice, Params, Range, SearchParams, TrainParams, checked
from facegender.params_file import nested

Space = Mapping[str, Range | tuple[Choice, ...]]

# of `train`, what dvc.yaml lists for features: another value would want other features
FEATURES_DEPEND_ON: Final = ("fine_tune_layers", "mixed_precision", "mode", "seed")
DIGITS: Final = 3  # significant ones of a proposed number: what is trained with is what can be read and written down


def check_space(search: SearchParams) -> Space:
    """The space, where every value in it is one that params.yaml may have.

    Raises
    ------
    UserError
        It is empty, or holds something else than a parameter of `train` that can be searched.
    """
    where = "params.yaml, search.space"
    if not search.space:
        raise UserError(where, "must name a parameter to search", None, "train.learning_rate, say.")
    for name, values in search.space.items():
        section, _, key = name.partition(".")
        if section != "train" or key not in TrainParams.model_fields:
            raise UserError(where, "must name parameters of train", name, "Others change features, or no training.")
        if key in FEATURES_DEPEND_ON:
            listed = ", ".join(f"train.{other}" for other in FEATURES_DEPEND_ON)
            remedy = f"The features depend on {listed}: try another value by `python -m flows.retrain --set {name}=…`."
            raise UserError(where, "must leave the cached features as they are", name, remedy)
        if key == "class_weights":
            remedy = "It changes what the validation accuracy counts, by which trials are compared."
            raise UserError(where, "must not name train.class_weights", name, remedy)
        for value in (values.low, values.high) if isinstance(values, Range) else values:
            checked(nested({name: _typed(values, value)}), where)
    return search.space


def suggest(trial: optuna.Trial, space: Space) -> dict[str, JsonValue]:
    """A value for every parameter of the space, by the study's sampler; numbers rounded to 3 significant digits."""
    found: dict[str, JsonValue] = {}
    for name, values in space.items():
        if not isinstance(values, Range):
            found[name] = trial.suggest_categorical(name, values)
        elif values.type == "int":
            found[name] = trial.suggest_int(name, int(values.low), int(values.high), log=values.log)
        else:
            exact = trial.suggest_float(name, values.low, values.high, log=values.log)
            found[name] = min(max(significant(exact), values.low), values.high)
    return found


def inside(space: Space, params: Params) -> dict[str, JsonValue] | None:
    """The values that the parameters have today; None where one of them lies outside of the space."""
    today = params.train.model_dump(mode="json")
    found: dict[str, JsonValue] = {}
    for name, values in space.items():
        value = today[name.partition(".")[2]]
        within = values.low <= value <= values.high if isinstance(values, Range) else value in values
        if not within:
            return None
        found[name] = value
    return found


def with_changes(params: Params, changes: Mapping[str, JsonValue]) -> Params:
    """The parameters with some of `train` changed.

    Raises
    ------
    UserError
        They do not go together.
    """
    values = params.train.model_dump() | nested(changes)["train"]
    return params.model_copy(update={"train": checked({"train": values}, "params.yaml with search.space").train})


def significant(value: float) -> float:
    """Rounded to DIGITS significant digits: 0.0012345 is 0.00123."""
    return 0.0 if value == 0 else round(value, DIGITS - 1 - math.floor(math.log10(abs(value))))


def _typed(values: Range | tuple[Choice, ...], value: Choice) -> Choice:
    whole = isinstance(values, Range) and values.type == "int"
    return int(value) if whole and isinstance(value, float) else value
