"""The section `search` of params.yaml. Its space has ranges and lists, which no other section has."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from facegender.params.section import Count, Section


class Range(Section):
    """A range of numbers, both ends included."""

    type: Literal["float", "int"] = "float"
    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _has_numbers(self) -> "Range":
        if self.low >= self.high:
            raise ValueError("low must be below high")
        if self.log and self.low <= 0:
            raise ValueError("low must be greater than 0 if log is true")
        if self.type == "int" and (self.low % 1 or self.high % 1):
            raise ValueError("low and high must be whole numbers if type is int")
        return self


Choice = bool | int | float | str
TEXT_TO_YAML: Final = re.compile(
    r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+"
)  # 1e-3: a string to YAML 1.1, a number to everybody else


class SearchParams(Section):
    trials: Count = 20
    space: dict[str, Range | tuple[Choice, ...]] = Field(
        default={
            "train.learning_rate": Range(low=0.0003, high=0.003, log=True),
            "train.weight_decay": Range(low=0.001, high=0.1, log=True),
            "train.dropout": Range(low=0.2, high=0.6),
            "train.label_smoothing": Range(low=0.0, high=0.2),
            "train.mixup": (0, 0.2),
        }
    )
    startup: Count = 6
    pruner: Literal["median", "hyperband", "none"] = "median"
    warmup: Annotated[int, Field(ge=0)] = 3
    seed: int = 2026

    @field_validator("space", mode="before")
    @classmethod
    def _ranges_or_lists(cls, space: dict[str, Any]) -> dict[str, Any]:
        # for a union, pydantic would report errors for both types and not say which one was meant
        return {name: _range_or_list(name, values) for name, values in space.items()} if space else {}


def _range_or_list(name: str, values: object) -> object:
    if isinstance(values, dict):
        try:
            return Range.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join([name, *map(str, first["loc"])])
            raise ValueError(f"{key}: {first['msg'].removeprefix('Value error, ')}") from None
    if isinstance(values, Range):
        return values
    if not isinstance(values, (list, tuple)) or len(values) < 2 or not all(isinstance(one, Choice) for one in values):
        raise ValueError(f"{name}: must be {{low: …, high: …}}, or a list of two or more plain values")
    # other sections need no such conversion: the parameter's type does it
    return [float(one) if isinstance(one, str) and TEXT_TO_YAML.fullmatch(one) else one for one in values]
