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
        description="For this run alone, in the names of params.yaml, such as train.epochs: it runs as a DVC "
        "experiment in a workspace of its own, and leaves params.yaml and dvc.lock alone.",
        examples=[{"train.epochs": 5}],
    ),
]


class Options(BaseModel):
    """Unknown keys are refused; nothing here reaches a shell."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RetrainOptions(Options):
    """Of the flow `retrain`."""

    hours_per_stage: HoursPerStage = 24.0
    set: ChangedParameters = Field(default_factory=dict)
