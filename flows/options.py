"""The options of each flow, as the Prefect UI shows them in a form."""

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
        description='For this run alone, as JSON with the names of params.yaml: {"train.epochs": 5}. The run becomes a '
        "DVC experiment in its own workspace and does not change params.yaml or dvc.lock.",
        examples=[{"train.epochs": 5}],
        # the server then refuses other names before there is a run
        json_schema_extra={"additionalProperties": False},
    ),
]


class Options(BaseModel):
    """Options of a flow. Unknown keys are refused, and no value reaches a shell."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RetrainOptions(Options):
    """Options of one run."""

    hours_per_stage: HoursPerStage = 24.0
    set: ChangedParameters = Field(default_factory=dict)


class CrossValidateOptions(Options):
    """Options of one run."""

    hours_per_stage: HoursPerStage = 24.0


class SearchOptions(Options):
    """Options of one run."""

    hours_per_stage: HoursPerStage = 24.0
    trials: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        title="Trials",
        description="Total number, including trials of earlier runs. Without it, search.trials of params.yaml.",
    )


class ScoreOptions(Options):
    """Options of one run."""

    hours_per_stage: HoursPerStage = 24.0
    again: bool = Field(
        default=False,
        title="Score again",
        description="Also score files that were scored before, for example by another champion.",
    )


class PromoteOptions(Options):
    """Options of one run."""

    anyway: bool = Field(
        default=False,
        title="Promote anyway",
        description="Promote the model even if it is worse than the champion. The comparison is recorded all the same.",
    )


class RollbackOptions(Options):
    """Options of one run."""

    version: Annotated[str, Field(pattern=r"^v\d+\.\d+\.\d+$")] | None = Field(
        default=None,
        title="Version",
        description="For example v1.2.0. Without it, the version before the champion.",
    )
