"""The part `orchestration`: its clones have whole parameter files, and what is not measured must not fail."""

from pathlib import Path

import pytest
import yaml

from benchmarks.orchestration_part import QUICK, change_params, must
from facegender.params.reading import read_params

PARAMS = Path(__file__).parents[2] / "params.yaml"


def test_every_section_that_dvc_tracks_stays_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS.read_text(encoding="utf-8"), encoding="utf-8")
    change_params(path, QUICK)
    assert list(yaml.safe_load(path.read_text())) == list(yaml.safe_load(PARAMS.read_text()))
    changed, before = read_params(path), read_params(PARAMS)
    assert (changed.backbone.image_size, changed.train.epochs) == (96, 1)
    assert changed.train.dropout == before.train.dropout
    assert changed.split == before.split


def test_a_failed_preparation_ends_the_benchmark() -> None:
    must({"seconds": 1.0})
    with pytest.raises(SystemExit, match="no such repository"):
        must({"failed": "no such repository"})
