"""What a run can be told, as the Prefect UI shows it in a form."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

HoursPerStage = Annotated[
    float,
    Field(gt=0, title="Hours per stage", description="A stage that takes longer is ended, and the run fails."),
]

PARAMETER_NAME = r"^[a-z_]+\.[a-z_]+$"
ParameterName = Annotated[str, Field(pattern=PARAMETER_NAME)]
ChangedParameters = Annotated[
    dict[ParameterName, JsonValue],
    Field(
        title="Changed parameters",
        description='For this run alone, as JSON in the names of params.yaml: {"train.epochs": 5}. It runs as a DVC '
        "experiment in a workspace of its own, and leaves params.yaml and dvc.lock alone.",
        examples=[{"train.epochs": 5}],
        # so that the server refuses other names with the form, before there is a run
        json_schema_extra={"additionalProperties": False},
    ),
]


class Options(BaseModel):
    """Unknown keys are refused; nothing here reaches a shell."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RetrainOptions(Options):
    """How this run differs from the usual."""

    hours_per_stage: HoursPerStage = 24.0
    set: ChangedParameters = Field(default_factory=dict)


class CrossValidateOptions(Options):
    """How this run differs from the usual."""

    hours_per_stage: HoursPerStage = 24.0


class SearchOptions(Options):
    """How this run differs from the usual."""

    hours_per_stage: HoursPerStage = 24.0
    trials: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        title="Trials",
        description="In all, those of earlier runs included; without a number, search.trials of params.yaml.",
    )


class ScoreOptions(Options):
    """How this run differs from the usual."""

    hours_per_stage: HoursPerStage = 24.0
    again: bool = Field(
        default=False,
        title="Score again",
        description="Files whose content has been scored before, too; by another champion, say.",
    )


class PromoteOptions(Options):
    """How this run differs from the usual."""

    anyway: bool = Field(
        default=False,
        title="Promote anyway",
        description="Whatever the comparison with the champion says; its figures are recorded all the same.",
    )


class RollbackOptions(Options):
    """How this run differs from the usual."""

    version: Annotated[str, Field(pattern=r"^v\d+\.\d+\.\d+$")] | None = Field(
        default=None,
        title="Version",
        description="Such as v1.2.0; without one, the version before the champion.",
    )
