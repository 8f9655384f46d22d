"""What a run can be told, as the Prefect UI shows it in a form."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

HoursPerStage = Annotated[
    float,
    Field(gt=0, title="Hours per stage", description="A stage that takes longer is ended, and the run fails."),
]


class Options(BaseModel):
    """Unknown keys are refused; nothing here reaches a shell."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RetrainOptions(Options):
    """Of the flow `retrain`."""

    hours_per_stage: HoursPerStage = 24.0
