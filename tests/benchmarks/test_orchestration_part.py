"""The part `orchestration`: its clones keep whole parameter files, and a failed preparation ends it."""

from pathlib import Path

import pytest
import yaml

from benchmarks.orchestration_part import QUICK_PARAMS, prepare
from facegender.params.reading import read_params
from facegender.params.writing import flatten, write_params

PARAMS = Path(__file__).parents[2] / "params.yaml"


def test_every_section_that_dvc_tracks_stays_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS.read_text(encoding="utf-8"), encoding="utf-8")
    write_params(path, flatten(QUICK_PARAMS))
    assert list(yaml.safe_load(path.read_text())) == list(yaml.safe_load(PARAMS.read_text()))
    changed, before = read_params(path), read_params(PARAMS)
    assert (changed.backbone.image_size, changed.train.epochs) == (96, 1)
    assert changed.train.dropout == before.train.dropout
    assert changed.split == before.split


def test_a_failed_preparation_ends_the_benchmark() -> None:
    prepare(["true"])
    with pytest.raises(SystemExit, match=r"^orchestration: no such repository$"):
        prepare(["bash", "-c", "echo no such repository >&2; exit 1"])
