"""A stage's parameters, dvc.yaml's list for it and params.yaml say the same."""

from pathlib import Path

import pytest
import yaml

from facegender.params import stage_params
from facegender.params.section import Section
from facegender.params.sections import Params, SplitParams
from facegender.params.stage_params import StageParams

STAGES = {
    "validate": stage_params.ValidateStageParams,
    "split": stage_params.SplitStageParams,
    "features": stage_params.FeaturesStageParams,
    "train": stage_params.TrainStageParams,
    "evaluate": stage_params.EvaluateStageParams,
    "submit": stage_params.SubmitStageParams,
    "fold_features": stage_params.FeaturesStageParams,
    "train_folds": stage_params.TrainFoldsStageParams,
    "cross_validate": stage_params.CrossValidateStageParams,
}
# how a cross-validation is run does not change what it finds
FREE = {"cross_validate.processes", "cross_validate.task_runner"}


def in_yaml(name: str) -> str:
    """A field of Params by its name in params.yaml."""
    return Params.model_fields[name].alias or name


def own(kind: type[StageParams]) -> set[str]:
    """Every value that a stage receives, by dotted name."""
    found = set()
    for name, field in kind.model_fields.items():
        assert isinstance(field.annotation, type)
        assert issubclass(field.annotation, Section)
        found |= {f"{in_yaml(name)}.{key}" for key in field.annotation.model_fields}
    return found


def listed(names: list[str]) -> set[str]:
    """dvc.yaml's list with every section written out."""
    sections = {in_yaml(name): field.annotation for name, field in Params.model_fields.items()}
    found = set()
    for name in names:
        keys = [name] if "." in name else [f"{name}.{key}" for key in sections[name].model_fields]
        found |= set(keys)
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_receives_the_values_that_dvc_watches_and_no_other(checkout: Path, stage: str) -> None:
    stages = {}
    for file in ("dvc.yaml", "cross_validate/pipeline.yaml"):
        stages |= yaml.safe_load((checkout / file).read_text(encoding="utf-8"))["stages"]
    assert own(STAGES[stage]) - FREE == listed(stages[stage]["params"])


@pytest.mark.parametrize("kind", STAGES.values())
def test_a_stage_receives_the_values_of_params_yaml(kind: type[StageParams]) -> None:
    params = Params.model_validate(
        {
            "train": {"seed": 7, "epochs": 3},
            "split": {"seed": 5},
            "scoring": {"tta": 2},
            "augment": {"policy": "strong"},
        }
    )
    values = kind.of(params)
    for name, field in kind.model_fields.items():
        section = getattr(values, name)
        assert type(section) is field.annotation
        whole = getattr(params, name).model_dump()
        assert section.model_dump() == {key: whole[key] for key in field.annotation.model_fields}


def test_a_part_of_a_section_has_no_other_value() -> None:
    values = stage_params.TrainFoldsStageParams.of(Params(split=SplitParams(validation=0.3, seed=5)))
    assert values.split.model_dump() == {"seed": 5}
    assert not hasattr(values.split, "validation")
