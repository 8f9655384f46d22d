"""Parameters that a command changes for one run."""

import shutil
from pathlib import Path

import pytest
import typer

from flows.changed_parameters import parse_assignment, read_changes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train.epochs=5", ("train.epochs", 5)),
        ("data.image_column=null", ("data.image_column", None)),
        ("backbone.weights=a=b", ("backbone.weights", "a=b")),
    ],
)
def test_a_value_is_read_as_in_params_yaml(text, expected):
    assert parse_assignment(text) == expected


@pytest.mark.parametrize("text", ["train.epochs", "epochs=5", "train.epochs=[", "train.Epochs=5"])
def test_what_is_no_assignment_is_refused(text):
    with pytest.raises(typer.BadParameter, match="must be NAME=VALUE") as caught:
        parse_assignment(text)
    assert caught.value.message.endswith(f"Received: {text}")


def test_an_assignment_takes_precedence_over_a_preset(checkout: Path, tmp_path: Path, monkeypatch):
    shutil.copy(checkout / "params.yaml", tmp_path)
    shutil.copytree(checkout / "params", tmp_path / "params")
    monkeypatch.chdir(tmp_path)
    assert read_changes(None, []) == {}
    assert read_changes("quick", [])["features.views"] == 1
    assert read_changes("quick", ["features.views=3"])["features.views"] == 3
    with pytest.raises(typer.BadParameter, match="preset: must be one of"):
        read_changes("fastest", [])
