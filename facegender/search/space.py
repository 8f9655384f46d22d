"""The space of a search: parameters of `train` that the features do not depend on."""

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final

import optuna
from pydantic import JsonValue

from facegender.errors import UserError
from facegender.params.reading import validate_params
from facegender.params.search import Choice, Range
from facegender.params.sections import Params, TrainParams
from facegender.params.writing import unflatten

Space = Mapping[str, Range | tuple[Choice, ...]]

# parameters of `train` that dvc.yaml lists for the stage features: another value would need other features
FEATURES_DEPEND_ON: Final = ("fine_tune_layers", "mixed_precision", "mode", "seed")
JOINT: Final = ("train.epochs", "train.unfreeze")  # each may be valid, but not both together
WHERE: Final = "params.yaml with search.space"
DIGITS: Final = 3  # significant digits of a proposed number, so that people can copy the value that was trained with


def check_space(params: Params) -> Space:
    """Return the space, once every value in it is checked as params.yaml is, alone and with the others.

    Raises
    ------
    UserError
        The space is empty, names anything but searchable parameters of `train`, or has values that are not valid
        together.
    """
    where, space = "params.yaml, search.space", params.search.space
    if not space:
        raise UserError(where, "must name a parameter to search", None, "train.learning_rate, say.")
    if params.train.class_weights:
        remedy = "Trials are compared by accuracy, which weights all rows equally. Set train.sampling to balanced."
        raise UserError("params.yaml, train.class_weights", "must be false for a search", True, remedy)
    for name, values in space.items():
        section, _, key = name.partition(".")
        if section != "train" or key not in TrainParams.model_fields:
            raise UserError(
                where, "must name parameters of train", name, "Others change the features, or nothing in training."
            )
        if key in FEATURES_DEPEND_ON:
            listed = ", ".join(f"train.{other}" for other in FEATURES_DEPEND_ON)
            remedy = (
                f"The features depend on {listed}. Try another value with `python -m flows.retrain --set {name}=…`."
            )
            raise UserError(where, "must not change the cached features", name, remedy)
        if key == "class_weights":
            remedy = "It changes the weights in the validation accuracy, by which trials are compared."
            raise UserError(where, "must not name train.class_weights", name, remedy)
        if isinstance(values, Range) and values.type == "float" and TrainParams.model_fields[key].annotation is int:
            received = f"{values.low:g} to {values.high:g}"
            raise UserError(where, f"{name} takes whole numbers: its range needs `type: int`", received)
    joint = [name for name in space if name in JOINT]
    for found in product(*(list_extremes(space[name]) for name in joint)):
        for name, values in space.items():
            for value in list_extremes(values):
                apply_changes(params, {**dict(zip(joint, found, strict=True)), name: value})
    return space


def list_extremes(values: Range | tuple[Choice, ...]) -> Sequence[Choice]:
    """Return the two ends of a range, or a list's values."""
    if not isinstance(values, Range):
        return values
    return [int(end) if values.type == "int" else end for end in (values.low, values.high)]


def suggest(trial: optuna.Trial, space: Space) -> dict[str, JsonValue]:
    """Let the study's sampler suggest a value for every parameter, with numbers rounded to 3 significant digits."""
    found: dict[str, JsonValue] = {}
    for name, values in space.items():
        if not isinstance(values, Range):
            found[name] = trial.suggest_categorical(name, values)
        elif values.type == "int":
            found[name] = trial.suggest_int(name, int(values.low), int(values.high), log=values.log)
        else:
            exact = trial.suggest_float(name, values.low, values.high, log=values.log)
            found[name] = min(max(round_significant(exact), values.low), values.high)
    return found


def find_current_values(space: Space, params: Params) -> dict[str, JsonValue] | None:
    """Return the current values of the space's parameters; None if one of them lies outside the space."""
    current = params.train.model_dump(mode="json")
    found: dict[str, JsonValue] = {}
    for name, values in space.items():
        value = current[name.partition(".")[2]]
        within = values.low <= value <= values.high if isinstance(values, Range) else value in values
        if not within:
            return None
        found[name] = value
    return found


def apply_changes(params: Params, changes: Mapping[str, JsonValue]) -> Params:
    """Return the parameters with some values of `train` changed.

    Raises
    ------
    UserError
        The values are not valid together.
    """
    values = params.train.model_dump() | unflatten(changes)["train"]
    try:
        return params.model_copy(update={"train": validate_params({"train": values}, WHERE).train})
    except UserError as error:
        if error.where != f"{WHERE}, train":
            raise
        received = ", ".join(f"{name} {value}" for name, value in changes.items())  # without the unchanged values
        raise UserError(error.where, error.expected, received) from None


def round_significant(value: float) -> float:
    """Round to DIGITS significant digits: 0.0012345 becomes 0.00123."""
    return 0.0 if value == 0 else round(value, DIGITS - 1 - math.floor(math.log10(abs(value))))
