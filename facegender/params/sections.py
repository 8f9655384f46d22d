"""The sections of params.yaml: type, bounds and default of every value.

What a value means and what changing it costs is written in params.yaml, beside the value.
"""

from typing import Annotated, Final, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from facegender.params.architectures import ARCHITECTURES, is_custom, list_names, title
from facegender.params.augment import AugmentParams
from facegender.params.search import SearchParams
from facegender.params.section import Count, Section, Share

THRESHOLD_RULE: Final = r"^(balanced_accuracy|f1|(recall|precision)>=(0?\.\d+|1|1\.0)|equal_error\([^()]+\))$"


class AttributesParams(Section):
    attributes: str = "attributes.csv"


class DataParams(AttributesParams):
    image_column: str | None = None
    label_column: str | None = None


class ValidateParams(Section):
    max_quarantined: Share = 0.05
    min_side: Count = 32
    max_pixels: Count = 50_000_000
    max_bytes: Count = 30_000_000
    near_duplicate_bits: Annotated[int, Field(ge=0, le=12)] = 10
    near_duplicate_correlation: Share = 0.82


class SplitSeedParams(Section):
    seed: int = 2026


class SplitParams(SplitSeedParams):
    validation: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    holdout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0

    @model_validator(mode="after")
    def _leaves_rows_to_train_on(self) -> "SplitParams":
        if self.validation + self.holdout >= 1:
            raise ValueError("validation and holdout together must leave rows to train on: their sum must be below 1")
        return self


class BackboneParams(Section):
    name: str = "mobilenet_v2"
    alpha: float = 1.0
    image_size: Annotated[int, Field(ge=32)] = 224
    weights: str = "auto"

    @field_validator("name")
    @classmethod
    def _known_name(cls, name: str) -> str:
        if name not in ARCHITECTURES and not is_custom(name):
            raise ValueError(f"must be one of {list_names()}")
        return name

    @field_validator("alpha")
    @classmethod
    def _known_width(cls, alpha: float, others: ValidationInfo) -> float:
        name = str(others.data.get("name"))
        widths = ARCHITECTURES[name].widths if name in ARCHITECTURES else (1.0,)
        if alpha not in widths and "name" in others.data:
            raise ValueError(f"must be one of {', '.join(map(str, widths))}, the widths of {title(name)}")
        return alpha

    @field_validator("image_size")
    @classmethod
    def _large_enough(cls, side: int, others: ValidationInfo) -> int:
        name = others.data.get("name")
        if name in ARCHITECTURES and side < ARCHITECTURES[name].min_side:
            raise ValueError(f"must be at least {ARCHITECTURES[name].min_side}, the smallest side for {title(name)}")
        return side


class EngineParams(Section):
    engine: Literal["auto", "openvino", "tensorflow"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"


class FeaturesParams(EngineParams):
    views: Count = 2
    seed: int = 2026
    batch_size: Count = 32


class ScoringViewsParams(Section):
    tta: Annotated[int, Field(ge=1, le=6)] = 1


class ScoringParams(EngineParams, ScoringViewsParams):
    pass


class FrozenPartParams(Section):
    """What the frozen part of the network depends on."""

    mode: Literal["features", "online"] = "features"
    fine_tune_layers: Annotated[int, Field(ge=0)] | Literal["all"] = 30
    mixed_precision: Literal["auto", "on", "off"] = "auto"
    seed: int = 2026


class TrainParams(FrozenPartParams):
    batch_norm: Literal["inference", "training"] = "inference"
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.5
    batch_size: Count = 32
    head_epochs: Annotated[int, Field(ge=0)] = 0
    head_learning_rate: Annotated[float, Field(gt=0.0)] = 1e-2
    epochs: Annotated[int, Field(ge=0)] = 6
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    warmup_epochs: Annotated[float, Field(ge=0.0)] = 0.25
    layer_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    unfreeze: Annotated[float, Field(ge=0.0)] = 0.0
    ema: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.98
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    mirror: bool = True
    mixup: Annotated[float, Field(ge=0.0)] = 0.0
    class_weights: bool = False
    sampling: Literal["shuffle", "balanced"] = "shuffle"
    patience: Count = 3

    @model_validator(mode="after")
    def _fits_together(self) -> "TrainParams":
        if self.fine_tune_layers == "all" and self.mode == "features":
            raise ValueError(
                "fine_tune_layers: all leaves no frozen part whose output could be cached: set train.mode to online"
            )
        if self.epochs and self.unfreeze >= self.epochs:
            raise ValueError("unfreeze must be below epochs: otherwise the first blocks never train")
        if self.class_weights and self.sampling == "balanced":
            raise ValueError("class_weights and sampling: balanced both give the classes equal weight: choose one")
        return self


class CrossValidateParams(Section):
    folds: Annotated[int, Field(ge=2)] = 5
    processes: Count = 1
    task_runner: Literal["threads", "dask", "ray"] = "threads"


class EvaluateParams(Section):
    bootstrap: Count = 1000
    calibration_bins: Count = 15
    min_slice: Count = 50
    two_way: tuple[tuple[str, str], ...] = ()
    calibration: Literal["none", "temperature", "isotonic"] = "temperature"
    threshold: Annotated[float, Field(gt=0.0, lt=1.0)] | Annotated[str, Field(pattern=THRESHOLD_RULE)] = 0.5
    threshold_cost: Share = 0.02
    abstain_error: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    crossfit_folds: Annotated[int, Field(ge=2)] = 5
    seed: int = 2026


class CompareParams(Section):
    margin: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.02


class PromoteParams(Section):
    calibration_margin: Share = 0.02
    max_relabelled: Share = 0.05


class ScoreParams(Section):
    folder: str = "incoming"
    max_distance: Share = 0.25
    max_abstain_rise: Share = 0.1
    max_unreadable: Share = 0.05
    significance: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.01


class SubmitParams(Section):
    form: Literal["labels", "probabilities"] = "labels"


class Params(Section):
    """All of params.yaml. A missing section has its defaults, which equal the values in the repository's file."""

    data: DataParams = DataParams()
    # `validate` is the name of a pydantic method
    validation: Annotated[ValidateParams, Field(alias="validate")] = ValidateParams()
    split: SplitParams = SplitParams()
    backbone: BackboneParams = BackboneParams()
    augment: AugmentParams = AugmentParams()
    features: FeaturesParams = FeaturesParams()
    scoring: ScoringParams = ScoringParams()
    train: TrainParams = TrainParams()
    cross_validate: CrossValidateParams = CrossValidateParams()
    evaluate: EvaluateParams = EvaluateParams()
    submit: SubmitParams = SubmitParams()
    search: SearchParams = SearchParams()
    compare: CompareParams = CompareParams()
    promote: PromoteParams = PromoteParams()
    score: ScoreParams = ScoreParams()
