"""The parameters that each stage receives: its own values of params.yaml and no others.

dvc.yaml lists the same values for the same stage, and a test holds the two together. So no stage can depend on a value
whose change would not rerun it.
"""

from typing import Any, Self, cast

from facegender.params.augment import AugmentParams
from facegender.params.section import Section
from facegender.params.sections import (
    AttributesParams,
    BackboneParams,
    CompareParams,
    CrossValidateParams,
    DataParams,
    EngineParams,
    EvaluateParams,
    FeaturesParams,
    FrozenPartParams,
    Params,
    ScoringViewsParams,
    SplitParams,
    SplitSeedParams,
    SubmitParams,
    TrainParams,
    ValidateParams,
)


class StageParams(Section):
    """Sections of params.yaml, whole or in part; a field has the section's name."""

    @classmethod
    def of(cls, params: Params) -> Self:
        """Take the stage's own values out of all parameters."""
        own: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            section, kind = getattr(params, name), cast(type[Section], field.annotation)
            own[name] = kind.model_construct(None, **{key: getattr(section, key) for key in kind.model_fields})
        return cls.model_construct(None, **own)


class ValidateStageParams(StageParams):
    data: DataParams
    validation: ValidateParams


class SplitStageParams(StageParams):
    split: SplitParams


class FeaturesStageParams(StageParams):
    """Also for `fold_features`."""

    augment: AugmentParams
    backbone: BackboneParams
    features: FeaturesParams
    train: FrozenPartParams


class TrainStageParams(StageParams):
    scoring: EngineParams
    train: TrainParams


class EvaluateStageParams(StageParams):
    compare: CompareParams
    data: AttributesParams
    evaluate: EvaluateParams
    scoring: ScoringViewsParams


class SubmitStageParams(StageParams):
    submit: SubmitParams


class TrainFoldsStageParams(StageParams):
    cross_validate: CrossValidateParams
    split: SplitSeedParams
    train: TrainParams


class CrossValidateStageParams(StageParams):
    evaluate: EvaluateParams
    scoring: EngineParams
    train: TrainParams
