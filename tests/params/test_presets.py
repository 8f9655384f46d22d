"""Presets: valid, different from the defaults, and written into params.yaml without losing its comments."""

import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from facegender.cli.app import app
from facegender.errors import UserError
from facegender.params.presets import apply_preset, flatten_params, preset_names, read_preset
from facegender.params.reading import read_params
from facegender.params.sections import Params

ROOT = Path(__file__).resolve().parents[2]
NAMES = preset_names(ROOT / "params.yaml")


@pytest.fixture
def params(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "params", tmp_path / "params")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path / "params.yaml"


def test_there_are_two() -> None:
    assert NAMES == ["accurate", "quick"]


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_holds_only_what_differs_and_states_its_purpose(name: str) -> None:
    usual = flatten_params(Params())
    values = read_preset(name, ROOT / "params.yaml")
    assert values
    assert {key: value for key, value in values.items() if usual[key] == value} == {}
    assert (ROOT / f"params/{name}.yaml").read_text(encoding="utf-8").startswith(f"# Preset `{name}`: what differs")


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_changes_only_its_own_lines_and_default_restores_them(params: Path, name: str) -> None:
    before = params.read_text(encoding="utf-8")
    changed = apply_preset(name, params)
    assert {key: after for key, (_, after) in changed.items()} == read_preset(name, params)
    old, new = before.splitlines(), params.read_text(encoding="utf-8").splitlines()
    different = [(was, now) for was, now in zip(old, new, strict=True) if was != now]
    assert {was.split(":")[0].strip() for was, _ in different} == {key.split(".")[1] for key in changed}
    for was, now in different:
        assert was.partition("#")[2] == now.partition("#")[2]
    apply_preset("default", params)
    assert params.read_text(encoding="utf-8") == before


def test_applying_two_presets_leaves_the_second(params: Path) -> None:
    apply_preset("accurate", params)
    apply_preset("quick", params)
    other = Params.model_validate(yaml.safe_load((ROOT / "params/quick.yaml").read_text(encoding="utf-8")))
    assert read_params(params) == other
    assert apply_preset("quick", params) == {}


def test_default_can_be_tried_as_an_experiment(params: Path) -> None:
    # as `python -m flows.retrain --preset default` asks for it
    usual = flatten_params(Params())
    set_by_others = {key for name in NAMES for key in read_preset(name, params)}
    assert read_preset("default", params) == {key: usual[key] for key in set_by_others}


def test_a_users_file_changes_only_what_it_names(params: Path, tmp_path: Path) -> None:
    apply_preset("accurate", params)
    own = tmp_path / "mine.yaml"
    own.write_text("train: {dropout: 0.25}")
    assert apply_preset(str(own), params) == {"train.dropout": (0.5, 0.25)}
    assert read_params(params).features.views == read_preset("accurate", params)["features.views"]


def test_a_number_without_a_point_is_written_as_one(params: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text("train: {learning_rate: 1e-4}\naugment: {flip: null}")  # YAML 1.1 reads 1e-4 as a string
    assert read_preset(str(own), params) == {"train.learning_rate": 0.0001, "augment.flip": None}
    assert apply_preset(str(own), params)["train.learning_rate"] == (0.001, 0.0001)
    assert "learning_rate: 0.0001 " in params.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: {epoch: 3}", "mine.yaml, train.epoch: no such parameter"),
        ("train: 3", "mine.yaml: must hold sections of params.yaml"),
        ("train: [", "mine.yaml: the file must be YAML"),
        ("split: {holdout: 0.7}", None),
    ],
)
def test_an_invalid_file_is_refused(params: Path, tmp_path: Path, text: str, message: str | None) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text(text)
    if message is None:  # valid by itself, but not together with params.yaml
        params.write_text("split: {validation: 0.4}")
        message = "params.yaml with the preset .*mine.yaml, split: .* their sum must be below 1"
    before = params.read_bytes()
    with pytest.raises(UserError, match=message):
        apply_preset(str(own), params)
    assert params.read_bytes() == before


def test_an_unknown_name_lists_the_known_ones(params: Path) -> None:
    with pytest.raises(UserError, match=r"must be one of accurate, quick, default.* Received: acurate"):
        apply_preset("acurate", params)


def test_the_command_prints_the_changes_and_how_to_undo_them(params: Path) -> None:
    shown = CliRunner().invoke(app, ["preset", "quick", "--params", str(params)])
    assert shown.exit_code == 0
    assert "features.views: 2 -> 1\n" in shown.output
    assert (
        "train.mirror: true -> false\n"
        in CliRunner().invoke(app, ["preset", "accurate", "--params", str(params)]).output
    )
    CliRunner().invoke(app, ["preset", "quick", "--params", str(params)])
    assert "`facegender preset default` restores the defaults" in shown.output
    assert "already" in CliRunner().invoke(app, ["preset", "quick", "--params", str(params)]).output
    listed = CliRunner().invoke(app, ["preset", "--params", str(params)]).output
    assert [line.split(":")[0] for line in listed.splitlines()] == NAMES
