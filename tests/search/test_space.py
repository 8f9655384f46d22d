"""The space of a search: what it may contain, and how it is read."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from facegender.errors import UserError
from facegender.params.reading import read_params
from facegender.params.search import Range
from facegender.params.sections import Params
from facegender.search.space import FEATURES_DEPEND_ON, check_space, find_current_values, round_significant


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "must name a parameter to search"),
        ({"features.views": [1, 2]}, "must name parameters of train. Received: features.views."),
        ({"train.rate": [1, 2]}, "must name parameters of train. Received: train.rate."),
        ({"train.fine_tune_layers": [0, 30]}, "must not change the cached features. .*--set train.fine_tune_layers"),
        ({"train.class_weights": [True, False]}, "must not name train.class_weights"),
        ({"train.dropout": [0.5, 1.5]}, "train.dropout: Input should be less than 1. Received: 1.5."),
        ({"train.epochs": [1.5, 4]}, "train.epochs: Input should be a valid integer"),
        (
            {"train.epochs": {"low": 1, "high": 4}},
            "train.epochs takes whole numbers: .* `type: int`. Received: 1 to 4.",
        ),
        ({"train.unfreeze": [0, 10]}, "unfreeze must be below epochs: .* Received: train.unfreeze 10."),
        ({"train.epochs": [4, 8], "train.unfreeze": [0, 4]}, "Received: train.epochs 4, train.unfreeze 4."),
    ],
)
def test_what_cannot_be_searched_is_refused(space: dict[str, Any], message: str) -> None:
    params = Params.model_validate({"train": {"epochs": 10}, "search": {"space": space}})
    with pytest.raises(UserError, match=message):
        check_space(params)


def test_a_space_is_checked_with_the_current_parameters_not_the_defaults() -> None:
    space = {"train.epochs": [10, 12], "train.unfreeze": {"low": 0, "high": 9}}  # the defaults have 6 epochs
    current = {"epochs": 10, "unfreeze": 9}
    assert check_space(Params.model_validate({"train": current, "search": {"space": space}}))
    weighted = {"train": {"class_weights": True}, "search": {"space": {"train.dropout": [0.4, 0.5]}}}
    with pytest.raises(UserError, match=r"train.class_weights: must be false for a search. Received: True."):
        check_space(Params.model_validate(weighted))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("{low: 2, high: 1}", "low must be below high"),
        ("{low: 0, high: 1, log: true}", "low must be greater than 0 if log is true"),
        ("{low: 1, high: 2.5, type: int}", "low and high must be whole numbers if type is int"),
        ("{low: 1}", "train.epochs.high: Field required"),
        ("{low: 1, high: 2, step: 1}", "train.epochs.step: Extra inputs are not permitted"),
        ("[1]", "train.epochs: must be {low: …, high: …}, or a list of two or more plain values"),
        ("[[1], [2]]", "a list of two or more plain values"),
        ("5", "a list of two or more plain values"),
    ],
)
def test_an_invalid_range_or_list_is_refused(tmp_path: Path, values: str, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(f"search: {{space: {{train.epochs: {values}}}}}")
    with pytest.raises(UserError, match=message):
        read_params(path)


def test_numbers_that_yaml_reads_as_text_become_numbers(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(
        "search: {space: {train.learning_rate: [1e-3, 2.5E-4, 0.01], train.weight_decay: {low: 1e-3, high: 1e-1},"
        " train.sampling: [shuffle, balanced]}}"
    )
    params = read_params(path)
    space = check_space(params)
    assert space["train.learning_rate"] == (0.001, 0.00025, 0.01)
    assert space["train.weight_decay"] == Range(low=0.001, high=0.1)
    assert space["train.sampling"] == ("shuffle", "balanced")
    current = find_current_values(space, params)
    assert current == {"train.learning_rate": 0.001, "train.weight_decay": 0.01, "train.sampling": "shuffle"}


def test_the_default_space_can_be_searched(checkout: Path) -> None:
    assert check_space(read_params(checkout / "params.yaml"))


def test_features_depend_on_what_dvc_yaml_says(checkout: Path) -> None:
    stages = yaml.safe_load((checkout / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    named = {name for name in stages["features"]["params"] if name.startswith("train.")}
    assert named == {f"train.{name}" for name in FEATURES_DEPEND_ON}


def test_numbers_are_rounded_to_three_significant_digits() -> None:
    assert [round_significant(value) for value in (0.0012345, 0.98765, 123.456, 0.0)] == [0.00123, 0.988, 123.0, 0.0]
