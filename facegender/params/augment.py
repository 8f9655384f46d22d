"""The section `augment` of params.yaml: the policies and the ranges of their operations."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from facegender.params.section import Section, Share

POLICIES: Final[dict[str, dict[str, bool | float]]] = {
    "none": {},
    "flip": {"flip": True},
    "standard": {
        "flip": True,
        "shift": 0.08,
        "rotation": 12.0,
        "zoom": 0.12,
        "brightness": 0.15,
        "contrast": 0.15,
    },
    "strong": {
        "flip": True,
        "shift": 0.12,
        "rotation": 20.0,
        "zoom": 0.25,
        "brightness": 0.3,
        "contrast": 0.3,
        "erase": 0.2,
    },
}


class AugmentParams(Section):
    """Augmentation: the policy sets every range that is not given."""

    policy: Literal["none", "flip", "standard", "strong"] = "standard"
    flip: bool = False
    shift: Share = 0.0
    rotation: Annotated[float, Field(ge=0.0, le=180.0)] = 0.0
    zoom: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    brightness: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    contrast: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    erase: Annotated[float, Field(ge=0.0, le=0.5)] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _fill_from_policy(cls, values: dict[str, Any]) -> dict[str, Any]:
        given = {key: value for key, value in values.items() if value is not None}
        return POLICIES.get(given.get("policy", "standard"), {}) | given

    def ranges(self) -> dict[str, bool | float]:
        """Return the operations that are on.

        Those that are off are left out, so that an operation added later does not change today's views.
        """
        return {key: value for key, value in self.model_dump(exclude={"policy"}).items() if value}

    @property
    def distinct_views(self) -> int | None:
        """Number of different views: 1 without augmentation, 2 with flip only, None if unbounded."""
        return {(): 1, ("flip",): 2}.get(tuple(self.ranges()))


def params_for_ranges(ranges: dict[str, bool | float]) -> AugmentParams:
    """Return parameters with exactly these ranges, named after the policy if they equal one."""
    name = next((name for name, policy in POLICIES.items() if policy == ranges), "none")
    return AugmentParams.model_validate({"policy": name, **ranges})
