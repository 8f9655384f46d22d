"""params.yaml is validated before anything runs; errors name their place."""

from pathlib import Path

import pytest

from facegender.errors import UserError
from facegender.params.architectures import ARCHITECTURES, Architecture
from facegender.params.reading import read_params
from facegender.params.sections import Params


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return path


def test_the_repositorys_file_and_the_defaults_are_the_same(checkout: Path) -> None:
    assert read_params(checkout / "params.yaml") == Params()


def test_the_defaults_follow_the_specification(checkout: Path) -> None:
    params = read_params(checkout / "params.yaml")
    assert (params.backbone.name, params.backbone.alpha, params.backbone.image_size) == ("mobilenet_v2", 1.0, 224)
    assert (params.train.fine_tune_layers, params.train.dropout, params.train.batch_size) == (30, 0.5, 32)
    assert params.split.validation == 0.2


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert read_params(write(tmp_path, "")) == Params()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: {epoch: 3}", "params.yaml, train.epoch: no such parameter. Check its spelling."),
        ("trian: {}", "params.yaml, trian: no such parameter"),
        ("train: {epochs: many}", "params.yaml, train.epochs: Input should be a valid integer.* Received: 'many'."),
        ("split: {validation: 1.5}", "params.yaml, split.validation: Input should be less than 1. Received: 1.5."),
        ("split: {holdout: 0.8}", "params.yaml, split: validation and holdout together must leave rows to train on"),
        ("backbone: {alpha: 0.9}", "params.yaml, backbone.alpha: must be one of 0.35, .* Received: 0.9."),
        ("backbone: {name: vgg}", "backbone.name: must be one of mobilenet_v2, .* or the path of a .keras file. Rec"),
        ("backbone: {name: resnet50_v2, alpha: 0.5}", "backbone.alpha: must be one of 1.0, the widths of ResNet50V2"),
        ("backbone: {name: own.keras, alpha: 0.5}", "backbone.alpha: must be one of 1.0, the widths of own.keras"),
        (
            "train: {fine_tune_layers: all}",
            "params.yaml, train: fine_tune_layers: all leaves .* set train.mode to online",
        ),
        ("train: {fine_tune_layers: some}", "params.yaml, train.fine_tune_layers: .* Received: 'some'."),
        ("train: {fine_tune_layers: [3]}", r"params.yaml, train.fine_tune_layers: .* Received: \[3\]."),
        ("train: {fine_tune_layers: -1}", "params.yaml, train.fine_tune_layers: .* Received: -1."),
        ("train: {epochs: 3, unfreeze: 3}", "params.yaml, train: unfreeze must be below epochs"),
        ("train: {class_weights: true, sampling: balanced}", "params.yaml, train: class_weights .* choose one"),
        ("train: [", "params.yaml: the file must be YAML. Received: "),
    ],
)
def test_an_error_names_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_params(write(tmp_path, text))


def test_an_architecture_has_a_smallest_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Architecture("xception", "Xception", "signed", "xception_*_notop.h5", min_side=71)
    monkeypatch.setitem(ARCHITECTURES, "xception", entry)
    assert read_params(write(tmp_path, "backbone: {name: xception, image_size: 71}")).backbone.image_size == 71
    with pytest.raises(UserError, match="image_size: must be at least 71, the smallest side for Xception"):
        read_params(write(tmp_path, "backbone: {name: xception, image_size: 70}"))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Name one with --params"):
        read_params(tmp_path / "nowhere.yaml")
